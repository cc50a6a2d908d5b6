"""The reviewed conditions, `gates.yaml`, as one model: what each component must show, and how a model is delivered."""

from weighbridge.thresholds.delivery import PRODUCTION, Delivery, Stage
from weighbridge.thresholds.gates_file import GATES_FILE, Gates, load_gates

__all__ = ["GATES_FILE", "PRODUCTION", "Delivery", "Gates", "Stage", "load_gates"]
