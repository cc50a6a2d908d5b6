"""What changed, and what a run would therefore do: said before it starts, and held to when it does."""
