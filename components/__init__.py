"""Reusable TFX components: one folder each, and `artifacts`, what they share."""
