"""Runs a pipeline on this machine, without a cluster: TFX's own launcher, step by step, ending in a verdict."""
