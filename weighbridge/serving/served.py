"""A version in memory: loaded from a verified copy, warmed up, and called through its own batches."""

import asyncio
import gc
import json
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.flavours import find_model
from weighbridge.components.evaluator.signature import Signature
from weighbridge.components.evaluator.unmeasurable import Unmeasurable, first_line
from weighbridge.serving import features
from weighbridge.serving.batching import Batcher
from weighbridge.serving.encode import ArrowEncoder, Encoded, Encoder, ExampleEncoder, Outputs, TensorEncoder
from weighbridge.serving.metrics import Metrics
from weighbridge.serving.release import EVIDENCE, MODEL, Release, Source
from weighbridge.serving.rows import Feature, Names, RequestError, from_instances
from weighbridge.serving.settings import Settings

if TYPE_CHECKING:
    from weighbridge.components.evaluator.flavours import LoadedModel

_LOG = logging.getLogger("weighbridge.serving")
_PARSING = frozenset({"ParseExample", "ParseExampleV2", "ParseSequenceExample", "ParseSequenceExampleV2"})
_WARM_CALLS = 3


class Served:
    """One version that answers.

    Args:
        release: what it is.
        loaded: the model.
        encoder: makes what it is called with.
        kept: what must live as long as the model: its files.
    """

    def __init__(self, release: Release, loaded: "LoadedModel", encoder: Encoder, kept: ExitStack) -> None:
        self.release = release
        self.version = str(release.version)
        self.loaded = loaded
        self.encoder = encoder
        self.platform = "tensorflow_savedmodel" if isinstance(loaded, Signature) else "python"
        self.example: dict[str, Any] = {}
        self.outputs: dict[str, tuple[str, tuple[int, ...]]] = {}  # dtype and shape of a row, by name
        self.in_flight = 0
        self._kept = kept
        self._idle = asyncio.Event()
        self._batcher: Batcher | None = None
        self._metrics: Metrics | None = None

    def start(self, executor: Executor, settings: Settings, metrics: Metrics) -> None:
        """Begin to take requests."""
        self._metrics = metrics
        self._batcher = Batcher(
            self.call, executor, settings.workers, settings.max_batch, settings.batch_delay_ms / 1000
        )

    def call(self, parts: Sequence[Encoded]) -> Outputs:
        """Call the model with requests of one key.

        Raises:
            Unmeasurable: it raised.
        """
        outputs = self.loaded.call(self.encoder.join(parts))
        if self._metrics is not None:
            self._metrics.batches.labels(self._metrics.name, self.version).inc()
            self._metrics.batch_rows.labels(self._metrics.name, self.version).inc(sum(part.rows for part in parts))
        return outputs

    async def answer(self, part: Encoded) -> Outputs:
        """The outputs for one request, [rows, …] each; counted as in flight until then.

        Raises:
            Unmeasurable: the model raised.
        """
        if self._batcher is None:
            raise RuntimeError("the version has not been started")
        return await self._batcher.submit(part)

    def enter(self) -> None:
        """One more request is being answered by this version."""
        self.in_flight += 1

    def leave(self) -> None:
        """A request has been answered."""
        self.in_flight -= 1
        if not self.in_flight:
            self._idle.set()

    async def drained(self) -> None:
        """Wait until no request is being answered by it; then free its memory and files."""
        while self.in_flight:
            self._idle.clear()
            await self._idle.wait()
        self.close()

    def close(self) -> None:
        """Free its memory and files."""
        del self.loaded, self.encoder
        self._batcher = None
        self._kept.close()
        gc.collect()  # TensorFlow's functions hold each other in circles


def load(source: Source, release: Release, settings: Settings) -> Served:
    """Fetch, verify, load and warm up a version. Takes seconds: call it in a thread of its own.

    Raises:
        UsageError: its bytes are others, or it cannot be loaded, or does not answer the rows that it is tried with.
        NotTrustedError: it may not be served.
        InfrastructureError: it cannot be reached, or the machine fails.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(source.fetched(release))
        loaded, encoder = _loaded(folder, release, settings)
        served = Served(release, loaded, encoder, stack.pop_all())
    try:
        warm_up(served, _samples(settings), features.usual_row(folder / EVIDENCE), settings)
    except BaseException:
        served.close()
        raise
    return served


def _loaded(folder: Path, release: Release, settings: Settings) -> "tuple[LoadedModel, Encoder]":
    try:
        loaded = find_model(folder / MODEL, settings.signature, settings.inputs).load()
    except Unmeasurable as error:
        error.check_not_the_machine()
        raise UsageError(f"{release.source} cannot be served: {error.message}") from error
    known = features.kept_features(folder / EVIDENCE)
    known.pop(settings.label, None)
    names = Names(settings.label, settings.ignore_unknown)
    try:
        if not isinstance(loaded, Signature):
            return loaded, ArrowEncoder(loaded, known, names)
        if _takes_examples(loaded, known):
            return loaded, ExampleEncoder(loaded, known, names)
        return loaded, TensorEncoder(loaded, names)
    except RequestError as error:
        raise UsageError(f"{release.source} cannot be served: {error.message}") from error


def _takes_examples(signature: Signature, known: Mapping[str, Feature]) -> bool:
    """Whether it takes serialized tf.Examples: as the Evaluator tells by the columns, else as the graph parses them."""
    if known or not signature.takes_examples([]):
        return signature.takes_examples(list(known))
    graph = signature.function.graph.as_graph_def()
    nodes = [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]
    return any(node.op in _PARSING for node in nodes)


def _samples(settings: Settings) -> list[dict[str, Any]]:
    if not settings.samples:
        return []
    path = Path(settings.samples)
    try:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--samples {path} cannot be read: {error}", "Give a file with a JSON object per line."
        ) from error
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"--samples {path} holds no rows", "Give a file with a JSON object per line.")
    return rows


def warm_up(served: Served, samples: Sequence[dict[str, Any]], usual: Mapping[str, Any], settings: Settings) -> None:
    """Call a model until its first request is answered as fast as its thousandth, and keep a row that it answers.

    Args:
        served: the version.
        samples: real rows; a model that does not answer these is refused.
        usual: a row of usual values, for where there are none; what it says of features not taken is left out.
        settings: tell how many rows a call has at most.

    Raises:
        UsageError: it does not answer the samples.
    """
    taken = served.encoder.features
    synthetic = {**features.synthetic_row(taken), **{name: usual[name] for name in usual if name in taken}}
    rows = _fitting(samples, taken) or [synthetic]
    if not any(rows):
        _LOG.warning("nothing tells what rows are like: the first request warms it up; or give --samples")
        return
    try:
        for count in sorted({1, 2, min(settings.max_batch, settings.max_rows)}):
            part = served.encoder.encode(from_instances([rows[index % len(rows)] for index in range(count)]), {})
            for _ in range(_WARM_CALLS):
                outputs = served.call([part])
    except Exception as error:  # whatever a user's graph or flavour raises
        if isinstance(error, Unmeasurable):
            error.check_not_the_machine()
        why = error.message if isinstance(error, Unmeasurable | RequestError) else first_line(error)
        if samples:
            raise UsageError(
                f"{served.release.source} does not answer the rows of {settings.samples}: {why}",
                "It is not served: those who sent such rows would get errors.",
            ) from error
        _LOG.warning("warm-up with made-up rows failed; real rows in --samples tell more: %s", why)
        return
    served.example = next((row for row in rows if row), {})
    served.outputs = {name: (values.dtype.str, values.shape[1:]) for name, values in outputs.items()}


def _fitting(samples: Sequence[dict[str, Any]], taken: Mapping[str, Feature]) -> list[dict[str, Any]]:
    """The samples with the most of the features taken, without what is not: a run has rows of several kinds."""
    if not taken:
        return list(samples)
    cut = [{name: value for name, value in row.items() if name in taken} for row in samples]
    most = max((len(row) for row in cut), default=0)
    return [row for row in cut if len(row) > most // 2]
