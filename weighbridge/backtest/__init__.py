"""Replaying history span by span, as production would have lived it."""
