"""How often a pipeline's gates are wrong, by trial: models that are equally good, weighed against each other."""

from weighbridge.common.callable_module import make_callable

make_callable(__name__, "weighbridge.api.simulating.simulate")
