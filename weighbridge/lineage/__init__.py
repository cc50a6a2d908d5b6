"""Where a model comes from, and which models data, spans and commits touched: functions over what is recorded."""

from weighbridge.common.callable_module import make_callable

make_callable(__name__, "weighbridge.api.tracing.lineage")
