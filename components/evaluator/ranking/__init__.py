"""Weighs lists of recommendations: plain functions on arrays, for a metrics provider or a notebook.

`weigh.py` measures models on slices, with intervals and in pairs; `per_user.py` and `coverage.py` define the metrics;
`baselines.py`, `neighbours.py` and `als.py` recommend without a model. README.md has an example.
"""
