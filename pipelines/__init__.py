"""Pipelines made of the components, and what runs them: here, on Kubeflow, from the command line."""
