"""What changed, and what a run would therefore do: said before it starts, and held to when it does."""

from weighbridge.common.callable_module import make_callable

make_callable(__name__, "weighbridge.api.planning.plan")
