"""ProductionModel: looks up what is in production, with "nothing yet" as a normal answer.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING, Any

from components.production_model.fetch import Fetched, fetch_production
from components.production_model.record import ProductionRecord, production_history, read_record, record_digest

if TYPE_CHECKING:
    from components.production_model.component import ProductionModel

__all__ = [
    "Fetched",
    "ProductionModel",
    "ProductionRecord",
    "fetch_production",
    "production_history",
    "read_record",
    "record_digest",
]


def __getattr__(name: str) -> Any:
    if name == "ProductionModel":
        from components.production_model.component import ProductionModel

        return ProductionModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
