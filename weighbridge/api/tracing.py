"""`weighbridge.lineage`: what made a model, and which models data, a span or a commit touched."""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from weighbridge.api.given import Place, place_of, workdir_of

if TYPE_CHECKING:
    from weighbridge.lineage.origins import Origins
    from weighbridge.lineage.touched import Touched


def lineage(
    asked: Place,
    *,
    destination: Place | Iterable[Place] = (),
    pipeline: str = "",
    workdir: Place | None = None,
    destinations: Place | None = None,
    store: Place | None = None,
) -> "Origins | Touched":
    """Say what made a model, or which models data, a span or a commit touched.

    ```python
    touched = weighbridge.lineage("data.csv")
    touched.in_production
    ```

    Args:
        asked: a model (a pipeline's name, a destination or a version in it, a digest, a run's id), data (path, name,
            folder, glob or digest), a span (`span:17`, a day) or a commit.
        destination: further places that models were pushed to; one, or several.
        pipeline: only this one's runs and destinations; empty for all.
        workdir: folder that keeps runs and artifacts; None for `WEIGHBRIDGE_WORKDIR`, else `work`.
        destinations: file that says where stages lie; None for `WEIGHBRIDGE_DESTINATIONS`.
        store: folder or address of what builds on all machines share; None for `WEIGHBRIDGE_STORE`, if that is set.

    Returns:
        Of a model its `Origins`, of all else what was `Touched`.

    Raises:
        WeighbridgeError: what `weighbridge lineage` would report.
    """
    from weighbridge.runs.lineage import lineage as find

    places = [destination] if isinstance(destination, str | os.PathLike) else destination
    return find(
        os.fspath(asked),
        workdir_of(workdir),
        [os.fspath(place) for place in places],
        pipeline=pipeline,
        stages=place_of(destinations, "WEIGHBRIDGE_DESTINATIONS"),
        store=place_of(store, "WEIGHBRIDGE_STORE"),
    )
