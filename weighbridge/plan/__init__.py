"""What changed, and what a run would therefore do: told before it starts, and held to when it does."""
