"""`thresholds.json`: the thresholds that a step judged by, as they were in force."""

from typing import Any, ClassVar

from pydantic import Field

from weighbridge.evidence.base import EvidenceFile

THRESHOLDS_IN_FORCE_FILE = "thresholds.json"


class ThresholdsInForce(EvidenceFile):
    """The file; a step leaves it beside its `gates.json`.

    Attributes:
        sections: of `gates.yaml`, by name, each with all that it leaves to defaults.
    """

    FILE: ClassVar[str] = THRESHOLDS_IN_FORCE_FILE

    sections: dict[str, Any] = Field(default_factory=dict)
