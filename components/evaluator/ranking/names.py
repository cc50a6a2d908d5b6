"""Names of ranking metrics: `recall@20` is recall among the first 20 recommendations."""

import difflib
import re
from dataclasses import dataclass

from weighbridge.common.errors import UsageError

# Their meaning stands in per_user.py and coverage.py, where they are computed.
METRICS = ("recall", "precision", "hit_rate", "ndcg", "mrr", "novelty", "popularity_lift", "coverage")
_NAME = re.compile(r"([a-z_]+)(?:@([1-9][0-9]{0,5}))?")


@dataclass(frozen=True)
class Name:
    """A metric and how many recommendations it looks at; None for the whole list."""

    metric: str
    cutoff: int | None = None

    def __str__(self) -> str:
        return self.metric if self.cutoff is None else f"{self.metric}@{self.cutoff}"


def parse_name(text: str, source: str) -> Name:
    """The metric that a name means.

    Args:
        text: `<metric>@<cutoff>`; without a cutoff the whole list counts.
        source: where the name stands, for the message.

    Raises:
        UsageError: there is no such metric, or the cutoff is not a whole number from 1.
    """
    match = _NAME.fullmatch(text)
    if match and match[1] in METRICS:
        return Name(match[1], int(match[2]) if match[2] else None)
    metric, _, cutoff = text.partition("@")
    if metric in METRICS:
        raise UsageError(
            f"Metric {text!r} in {source} has the cutoff {cutoff!r}",
            f"A cutoff is a whole number from 1 to 999999, as in {metric}@20.",
        )
    near = difflib.get_close_matches(metric.lower(), METRICS, n=1)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    raise UsageError(
        f"Unknown metric {text!r} in {source}",
        f"{meant}Metrics are {', '.join(METRICS)}, each with a cutoff, as in recall@20, or without.",
    )
