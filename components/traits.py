"""What a component declares of itself to whatever runs it: the local runner, the compiler, a step on Kubeflow.

A component declares it as its class attribute `TRAITS`; one that declares nothing is taken for what TFX's own
conventions say (`weighbridge.runs.component_traits`). Imports no tfx.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

_preflight_follows = ContextVar("_preflight_follows", default=False)


@dataclass(frozen=True)
class DataParameters:
    """Names of the parameters that say which files a component reads.

    Attributes:
        input: path, glob or address of the files.
        digest: `weighbridge.components.example_gen.resolve.input_digest` of these files; the component's driver fills
            it in before TFX looks into its cache, Kubeflow's packages carry it.
        span: which span of the input; empty where there is no such parameter.
        window: how many spans; empty where there is no such parameter.
    """

    input: str
    digest: str
    span: str = ""
    window: str = ""

    def values(self, exec_properties: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of `input_digest` among a component's execution properties."""
        names = {"input": self.input, "span": self.span, "window": self.window}
        return {key: exec_properties[name] for key, name in names.items() if exec_properties.get(name) is not None}


@dataclass(frozen=True)
class ComponentTraits:
    """What a component leaves in its outputs and what its parameters mean; names are those of its specification.

    Attributes:
        gates: outputs that hold `gates.json`. A run in which one of them is missing or cannot be read is refused; gates
            in other outputs count where they are found.
        verdict: output that holds `verdict.json`, whose digests a run's verdict is bound to; empty for none.
        metrics: output that holds `metrics.json`, shown as scalars and curves on Kubeflow's pages; empty for none.
        pushes: output that says by its integer property `pushed` whether a model was pushed; empty for a component
            that pushes nothing.
        examples: output with the rows that a run works on: property `content_digest`, and `rows_<split>` for people;
            empty for none.
        looked_up: outputs that are what is in production, not what this run made.
        report: whether Kubeflow's pages show a report of its gates.
        reads: the parameters that say which files it reads; None where it reads inputs only.
        sample: parameter for the share of the data to use, a number or JSON with `share`; empty for none.
        destination: parameter that names where it pushes to; empty for none.
        thresholds: parameters that hold thresholds, which a package for Kubeflow ties its runs to.
        code_digest: parameter with the digest of its code; empty for none.
        origin: parameter in which a package tells where its run comes from; a local run tells it another way, since it
            changes no outcome. Empty for none.
        filled_in: parameters that its driver fills in when it runs locally.
        places: parameters that say where it keeps something meanwhile, which changes no outcome.
        defaults: values of parameters where it is exported for pipelines written with KFP's own DSL, by name.
        reproducible: whether its outcome follows from its code, its parameters, what its inputs hold and what its
            driver tells, so that a result may be taken again wherever these come together; it keeps nothing elsewhere.
        outside_state: whether it may come out differently with the same inputs, so that Kubeflow must not cache it.
        output_depends_on: the parameters and inputs that can change an output, by output, besides the code; an output
            that is not named depends on all.
        preflight: is called before any step starts, with the component's parameters and the text of the reviewed
            schema that its input `schema` brings, empty where none is known; raises UsageError for what cannot work.
    """

    gates: tuple[str, ...] = ()
    verdict: str = ""
    metrics: str = ""
    pushes: str = ""
    examples: str = ""
    looked_up: tuple[str, ...] = ()
    report: bool = True
    reads: DataParameters | None = None
    sample: str = ""
    destination: str = ""
    thresholds: tuple[str, ...] = ()
    code_digest: str = ""
    origin: str = ""
    filled_in: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    outside_state: bool = False
    reproducible: bool = False
    output_depends_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    preflight: Callable[[Mapping[str, Any], str], None] | None = None

    @property
    def output_names(self) -> set[str]:
        """All outputs that are named."""
        single = (self.verdict, self.metrics, self.pushes, self.examples)
        return {*self.gates, *self.looked_up, *self.output_depends_on, *filter(None, single)}

    @property
    def parameter_names(self) -> set[str]:
        """All parameters that are named."""
        read = (self.reads.input, self.reads.digest, self.reads.span, self.reads.window) if self.reads else ()
        single = (self.sample, self.destination, self.code_digest, self.origin, *read)
        return {*self.thresholds, *self.filled_in, *self.places, *self.defaults, *filter(None, single)}

    def outputs_json(self) -> str:
        """What concerns outputs, as JSON: for a step on Kubeflow, which imports executors and no components."""
        return json.dumps({name: getattr(self, name) for name in _OF_OUTPUTS}, sort_keys=True)

    @classmethod
    def from_json(cls, outputs: Mapping[str, Any]) -> "ComponentTraits":
        """Traits with what `outputs_json` told; entries of other versions are left out."""
        known = {name: outputs[name] for name in _OF_OUTPUTS if name in outputs}
        values: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in known.items()}
        return cls(**values)


_OF_OUTPUTS = ("gates", "verdict", "metrics", "pushes", "examples", "looked_up")


@contextmanager
def leaving_to_preflight() -> Iterator[None]:
    """Inside the block constructors need not refuse what `preflight` refuses: whoever builds asks for all of it."""
    token = _preflight_follows.set(True)
    try:
        yield
    finally:
        _preflight_follows.reset(token)


def left_to_preflight() -> bool:
    """Whether `preflight` is sure to be called for what is being built."""
    return _preflight_follows.get()
