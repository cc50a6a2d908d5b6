"""Talking to a Kubeflow server: submitting, watching, and bringing the verdict back."""
