"""ProductionModel: looks up what is in production, with "nothing yet" as a normal answer.

Importing this package loads neither tfx nor tensorflow; the component class does, when it is asked for.
"""

from typing import TYPE_CHECKING

import lazy_loader

from weighbridge.components.production_model.fetch import Fetched, fetch_production
from weighbridge.components.production_model.record import ProductionRecord, production_history
from weighbridge.components.production_model.standing import read_record, record_digest

if TYPE_CHECKING:
    from weighbridge.components.production_model.component import ProductionModel

__all__ = [
    "Fetched",
    "ProductionModel",
    "ProductionRecord",
    "fetch_production",
    "production_history",
    "read_record",
    "record_digest",
]

__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={"component": ["ProductionModel"]})
