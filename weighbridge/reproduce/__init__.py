"""A pushed model made again, from its data, code, libraries and seed, and compared with what was pushed."""
