"""A package of one's own from a file of data: what the columns are, and what a first run proposes."""
