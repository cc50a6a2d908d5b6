"""Data to try pipelines on, made up by rules that are told."""
