"""Our load generator beside an established one, on the same servers."""
