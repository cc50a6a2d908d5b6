"""Runs in MLflow: what a run leaves is described, kept in its folder and sent from there, now or later."""
