"""Latency: timing calls of the serving signature, and the thresholds that judge them. Imports no tfx."""
