"""What the models recommend, through the signature that serves; and how much an approximate index loses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from weighbridge.common.progress import report
from weighbridge.components.evaluator import jackknife, signature
from weighbridge.components.evaluator.ranking.interactions import Items
from weighbridge.components.evaluator.ranking.lists import NONE
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.pipelines.recommender.weigh.audience import Audience, Names, numbers_of
from weighbridge.verdict import Estimate

EXACT = "recommend_exact"
OUTPUT = "items"
_SAMPLE = 256  # customers that an index is tried with


def recommendations(served: signature.Signature, audience: Audience, items: Names) -> Items:
    """What a model recommends to everybody.

    Args:
        served: its signature; gives `items`, codes [customers, k].
        audience: to recommend to.
        items: codes of the catalogue, [items], sorted.

    Returns:
        Numbers of the catalogue, [customers, k].

    Raises:
        Unmeasurable: the signature raised, or gives something else.
    """
    parts = []
    for batch in audience.batches:
        parts.append(numbers_of(_codes(served, batch), items).astype(np.int32))
        report(f"recommended to {sum(map(len, parts)):,} customers")
    widest = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(part, [(0, 0), (0, widest - part.shape[1])], constant_values=NONE) for part in parts])


def index_recall(
    folder: Path, name: str, inputs: Mapping[str, Any], audience: Audience, k: int, confidence: float
) -> Estimate:
    """The share of the exact first `k` recommendations that the exported search finds, with its interval.

    Args:
        folder: of the SavedModel.
        name: of the signature that serves.
        inputs: its constants.
        audience: of which the first `_SAMPLE` customers are recommended to.
        k: how many recommendations count.
        confidence: of the interval.

    Raises:
        Unmeasurable: the model cannot be loaded or called.
    """
    served, exact = (signature.load(folder, each, inputs) for each in (name, EXACT))
    rows = audience.batches[0].slice(0, _SAMPLE)
    found, wanted = _codes(served, rows)[:, :k], _codes(exact, rows)[:, :k]
    shares = (found[:, :, None] == wanted[:, None, :]).any(axis=1).mean(axis=1)
    return jackknife.mean(shares, confidence, 0.0, 1.0)


def _codes(served: signature.Signature, batch: Any) -> Names:
    outputs = served.call(served.request(batch))
    codes = outputs.get(OUTPUT)
    if codes is None or codes.ndim != 2 or len(codes) != batch.num_rows:
        given = ", ".join(f"{name} {list(value.shape)}" for name, value in outputs.items())
        raise Unmeasurable(
            "recommendations",
            "present",
            f"Signature {served.name!r} gives {given}; expected {OUTPUT!r}, codes of shape [customers, k].",
        )
    return codes.astype(object)
