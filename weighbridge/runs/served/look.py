"""Asks servers and the cluster what they serve, and holds it against production."""

import json
from collections.abc import Iterable

from pydantic import ValidationError

from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.runs.production import Production
from weighbridge.runs.served.compared import Compared, compare
from weighbridge.runs.served.endpoint import ask_server
from weighbridge.runs.served.kubectl import ask_cluster
from weighbridge.storage.destination import open_destination
from weighbridge.storage.layout import CANARY_FILE


def look_at_served(
    production: Production, servers: Iterable[str] = (), *, cluster: bool = False, namespace: str = "", name: str = ""
) -> list[Compared]:
    """What is served, held against production.

    Args:
        production: what the records say.
        servers: addresses of servers.
        cluster: whether to ask the cluster that kubectl knows.
        namespace: there; empty for kubectl's own.
        name: of the model at servers; empty for the pipeline's name.

    Raises:
        UsageError: nothing is in production that could be served, an address is none, or there is no kubectl.
        InfrastructureError: a server or the cluster cannot be reached.
    """
    if production.live is None:
        raise UsageError(
            f"Nobody can say what should be served: nothing is live at {production.destination}",
            f"See: weighbridge production {production.pipeline}",
        )
    found = [serving for url in servers for serving in ask_server(url, name or production.pipeline)]
    if cluster:
        found += ask_cluster(production.pipeline, namespace)
    history = [version.record for version in production.history]
    return compare(production.live, history, found, _canary(production.destination))


def _canary(destination: str) -> ProductionRecord | None:
    """The record of the canary that is on its way, by `canary.json`; None for none.

    Raises:
        UsageError: it cannot be read.
    """
    place = open_destination(destination)
    data = place.read(CANARY_FILE)
    if data is None:
        return None
    try:
        return ProductionRecord.model_validate(json.loads(data)["canary"])
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise UsageError(
            f"{place.path(CANARY_FILE)} does not say which canary is on its way", "End it: weighbridge canary --abort"
        ) from error
