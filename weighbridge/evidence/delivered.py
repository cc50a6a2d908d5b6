"""Where the model of a run went: version and address, as the run's record keeps it and every report tells it."""

from pydantic import field_validator

from weighbridge.common.text import mask
from weighbridge.evidence.base import Document

_PRODUCTION = "production"


class Delivered(Document):
    """Where a model went; without values: nowhere.

    Attributes:
        version: that the destination has it as; empty where nothing was pushed, or the Pusher gives none.
        destination: folder or address that holds the versions, without secrets; empty where nothing was pushed.
        stage: that the destination is.
        already: it was there before, so nothing was done.
        proposed: page of the pull request that must be merged first; empty where it is there.
    """

    version: str = ""
    destination: str = ""
    stage: str = ""
    already: bool = False
    proposed: str = ""

    @field_validator("destination", "proposed")
    @classmethod
    def _without_secrets(cls, value: str) -> str:
        return mask(value)

    @classmethod
    def at(cls, path: str, version: object, stage: str, *, already: bool, proposed: str = "") -> "Delivered":
        """What a push tells that left `version` at `path`, or proposed that on the page `proposed`."""
        named = str(version)
        place = path.removesuffix(f"/{named}").removesuffix(f"@{named}")
        return cls(version=named, destination=place, stage=stage, already=already, proposed=proposed)

    def told(self, *, passed: bool) -> tuple[str, str]:
        """In words, and the address that they end in: `version 3 in`, `/models/production`; nowhere has no address.

        Args:
            passed: whether the run's verdict passed.
        """
        if not self.destination:
            return ("nowhere: no step pushed it" if passed else "nowhere: refused"), ""
        place = "in production" if self.stage == _PRODUCTION else f"at {self.stage}"
        version = f"version {self.version}" if self.version else "a version"
        if self.proposed:
            there = "in production" if self.stage == _PRODUCTION else f"at {self.stage}"
            return f"{version} is proposed, and {there} when this is merged:", self.proposed
        if self.already:
            words = f"already {place} as {version}, in"
        else:
            words = f"{version} {'in' if self.stage == _PRODUCTION else place}"
        return (words if passed else f"refused, yet {words}"), self.destination
