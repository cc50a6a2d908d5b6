"""`model.yaml` of a configuration repository: what a cluster is to run. Rendered where a push commits it."""

from weighbridge.components.pusher.manifests import MODEL_FILE, Settings, State, render

__all__ = ["MODEL_FILE", "Settings", "State", "render"]
