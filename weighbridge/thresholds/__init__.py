"""The reviewed conditions, `gates.yaml`, as one model: what each component must show, and how a model is delivered."""

from weighbridge.thresholds.delivery import PRODUCTION, Delivery, Stage
from weighbridge.thresholds.gates_file import THRESHOLDS_FILE, Gates, load_gates

__all__ = ["PRODUCTION", "THRESHOLDS_FILE", "Delivery", "Gates", "Stage", "load_gates"]
