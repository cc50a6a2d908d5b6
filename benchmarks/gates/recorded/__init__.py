"""Real call times and real predictions of the taxi model, recorded once; `record.py` is how."""

from pathlib import Path

CALLS = Path(__file__).with_name("calls.npz")
PREDICTIONS = Path(__file__).with_name("predictions.npz")
