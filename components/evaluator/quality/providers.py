"""The providers of metrics: the built-in one, and one of the user's own beside it."""

import dataclasses
from collections.abc import Iterable
from contextlib import nullcontext
from importlib import import_module

from weighbridge.common.errors import UsageError
from weighbridge.common.import_string import import_function, module_of
from weighbridge.common.user_code import errors_of
from weighbridge.components.evaluator.quality.kernels import KERNELS
from weighbridge.components.evaluator.quality.metrics import check_label, check_names
from weighbridge.components.evaluator.quality.metrics_api import MetricsRequest, MetricsResponse
from weighbridge.components.evaluator.request import COMPUTE
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

_SOURCE = "the quality section of gates.yaml"


def ask(metrics_fn: str, request: MetricsRequest) -> MetricsResponse:
    """What is measured: by the user's provider, and by the built-in one what the thresholds name of its metrics.

    The built-in metrics need a label; without one all names are the provider's own.

    Args:
        metrics_fn: dotted name of the provider.
        request: what thresholds need of both.

    Raises:
        UsageError: the provider is not what it should be, or measures what is built in.
        Unmeasurable: a model or the data cannot be measured.
    """
    built_in, own = divided(request.metrics, metrics_fn, request.label)
    if metrics_fn == COMPUTE:
        return _ask(metrics_fn, request)
    theirs = _ask(metrics_fn, dataclasses.replace(request, metrics=own))
    if not built_in:
        return theirs
    ours = _ask(COMPUTE, dataclasses.replace(request, metrics=built_in))
    clash = sorted({row.name for row in ours.metrics} & {row.name for row in theirs.metrics})
    clash += sorted(set(ours.plots) & set(theirs.plots))
    if clash:
        raise UsageError(
            f"metrics_fn={metrics_fn!r} returns {clash[0]!r}, which is built in and measured already",
            f"Give it another name, e.g. {f'my_{clash[0]}'!r}: a metrics_fn adds to the built-in metrics.",
        )
    return MetricsResponse(ours.rows, ours.metrics + theirs.metrics, ours.plots | theirs.plots)


def divided(names: Iterable[str], metrics_fn: str, label: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of metrics that the built-in provider measures, and those that the user's own does."""
    names = tuple(names)
    if metrics_fn == COMPUTE:
        return names, ()
    built_in = tuple(name for name in names if label and name in KERNELS)
    return built_in, tuple(name for name in names if name not in built_in)


def check(metrics_fn: str, names: Iterable[str], label: str) -> None:
    """Refuse a label or names of metrics that could never be measured, as far as they can be told without a model.

    A module with a provider may have a function `check_names(names, source)` that raises UsageError for names that the
    provider does not have; without one they show when the provider is asked.

    Raises:
        UsageError: a name is unknown, there is no label for what needs one, or there is no such provider.
    """
    built_in, own = divided(names, metrics_fn, label)
    if metrics_fn == COMPUTE:
        check_label(label)
        check_names(built_in, _SOURCE)
        return
    import_function(metrics_fn, "metrics_fn")
    check_own = getattr(import_module(module_of(metrics_fn)), "check_names", None)
    if callable(check_own):
        check_own(own, _SOURCE)


def check_reserve(metrics_fn: str, reserve: str | None) -> None:
    """Refuse to weigh on a reserve what a provider of the user's own reads itself.

    Raises:
        UsageError: there is a reserve, and such a provider.
    """
    if reserve is not None and metrics_fn != COMPUTE:
        raise UsageError(
            f"{_SOURCE}: on_undecided: more_data weighs built-in metrics only, and metrics_fn={metrics_fn!r} reads its "
            "split itself",
            "Write on_undecided: refuse, or warn, and remove reserve.",
        )


def _ask(metrics_fn: str, request: MetricsRequest) -> MetricsResponse:
    provider = import_function(metrics_fn, "metrics_fn")
    with nullcontext() if metrics_fn == COMPUTE else errors_of(f"metrics_fn={metrics_fn!r}", passing=Unmeasurable):
        response = provider(request)
    if not isinstance(response, MetricsResponse):
        raise UsageError(
            f"metrics_fn={metrics_fn!r} returned a {type(response).__name__}", "Expected a MetricsResponse."
        )
    return response
