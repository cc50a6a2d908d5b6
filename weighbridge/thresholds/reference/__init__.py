"""The reference of `gates.yaml`, made from the models that read it: a page for people, a JSON Schema for editors."""

from pathlib import Path

from weighbridge.thresholds.reference.json_schema import SCHEMA_FILE, gates_schema
from weighbridge.thresholds.reference.keys import Key, reference_keys
from weighbridge.thresholds.reference.page import markdown_page

# The committed one, which is in the wheel too.
SHIPPED_SCHEMA = Path(__file__).parents[1] / SCHEMA_FILE

__all__ = ["SCHEMA_FILE", "SHIPPED_SCHEMA", "Key", "gates_schema", "markdown_page", "reference_keys"]
