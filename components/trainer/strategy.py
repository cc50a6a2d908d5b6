"""Where a model trains and in what precision: what was asked for, weighed against the hardware that is there."""

import json
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from weighbridge.common.errors import UsageError

StrategyName = Literal["auto", "cpu", "one_gpu", "mirrored", "multi_worker", "tpu"]
PrecisionName = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"]

# NVIDIA's tensor cores came with compute capability 7.0; without them half precision saves no time.
_TENSOR_CORES = (7, 0)
_TPU_DEVICE = Path("/dev/accel0")


class Strategy(Protocol):
    """The part of `tf.distribute.Strategy` that is used here."""

    num_replicas_in_sync: int

    def scope(self) -> AbstractContextManager[Any]:
        """The block in which a model is built and compiled."""


@dataclass(frozen=True)
class Hardware:
    """What this process can train on.

    Attributes:
        cpus: logical CPU devices, one unless TensorFlow was told to split it.
        gpus: GPUs that TensorFlow sees.
        tensor_cores: whether all of them compute in half precision faster.
        tpu: whether a TPU is attached or named in `TPU_NAME`.
        workers: machines of the cluster in `TF_CONFIG`, 0 where there is none.
    """

    cpus: int = 1
    gpus: int = 0
    tensor_cores: bool = False
    tpu: bool = False
    workers: int = 0


def find_hardware() -> Hardware:
    """Look, without initialising a device: a cluster must be joined before that.

    Raises:
        UsageError: `TF_CONFIG` is set but cannot be read.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    capabilities = [tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) for gpu in gpus]
    split = (tf.config.get_logical_device_configuration(cpu) for cpu in tf.config.list_physical_devices("CPU"))
    return Hardware(
        cpus=sum(len(parts) if parts else 1 for parts in split),
        gpus=len(gpus),
        tensor_cores=bool(gpus) and min(capabilities) >= _TENSOR_CORES,
        tpu=bool(os.environ.get("TPU_NAME")) or _TPU_DEVICE.exists(),
        workers=len(_workers(_cluster())),
    )


def choose(requested: str, hardware: Hardware) -> str:
    """The strategy's name: what was asked for, or for `auto` the most that is there.

    Raises:
        UsageError: the name is unknown, or what was asked for is not there. Training elsewhere than asked, days
            slower, would be worse.
    """
    found = {
        "multi_worker": hardware.workers > 1,
        "tpu": hardware.tpu,
        "mirrored": hardware.gpus > 1,
        "one_gpu": hardware.gpus == 1,
        "cpu": True,
    }
    if requested == "auto":
        return next(name for name, there in found.items() if there)
    if requested not in found:
        raise UsageError(f"strategy={requested!r} is not known", f"Allowed: auto, {', '.join(found)}.")
    # A GPU alone can be mirrored and one of many can be used, if a person says so. Virtual CPUs serve for trying out.
    asked_for = found | {
        "mirrored": hardware.gpus > 0 or hardware.cpus > 1,
        "one_gpu": hardware.gpus > 0,
        "multi_worker": hardware.workers > 0,
    }
    if not asked_for[requested]:
        lacking = {
            "multi_worker": "TF_CONFIG names no cluster",
            "tpu": "no TPU is attached and TPU_NAME is not set",
        }.get(requested, "TensorFlow sees no GPU")
        raise UsageError(
            f"strategy={requested!r}, but {lacking}", f"`auto` would train here with {choose('auto', hardware)!r}."
        )
    return requested


def create(name: str, hardware: Hardware) -> Strategy:
    """The `tf.distribute.Strategy` of a name that `choose` gave."""
    import tensorflow as tf

    if name == "multi_worker":
        return _several_workers()
    if name == "tpu":
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=os.environ.get("TPU_NAME", "local"))
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    if name == "one_gpu" and hardware.gpus > 1:
        return tf.distribute.OneDeviceStrategy("/gpu:0")
    if name == "cpu" and hardware.gpus:
        return tf.distribute.OneDeviceStrategy("/cpu:0")
    return tf.distribute.get_strategy()  # one device: TensorFlow's own, which costs nothing


def _several_workers() -> Strategy:
    """TensorFlow's multi-worker strategy, with a `reduce` that takes what Keras 3 gives it.

    Keras averages nested batches in one call, and scalar metrics over an axis that scalars lack; TensorFlow's own
    `reduce` refuses both, so that `fit` fails on more than one worker.
    """
    import tensorflow as tf

    class Workers(tf.distribute.MultiWorkerMirroredStrategy):
        def reduce(self, reduce_op: Any, value: Any, axis: int | None = None) -> Any:
            own = super().reduce

            def one(leaf: Any) -> Any:
                rank = self.experimental_local_results(leaf)[0].shape.rank
                return own(reduce_op, leaf, axis=axis if rank else None)

            return tf.nest.map_structure(one, value)

    return Workers()


def device_names(strategy: Strategy, name: str) -> tuple[str, ...]:
    """Short names such as `GPU:0` of the devices that compute in this process."""
    import tensorflow as tf

    if strategy is tf.distribute.get_strategy():
        return ("GPU:0",) if name == "one_gpu" else ("CPU:0",)
    devices: tuple[str, ...] = cast(Any, strategy).extended.worker_devices
    return tuple(device.rpartition("device:")[2] for device in devices)


def choose_precision(requested: str, strategy: str, hardware: Hardware) -> str:
    """Keras' dtype policy: what was asked for, or for `auto` half precision only where the hardware is built for it.

    Raises:
        UsageError: the name is unknown.
    """
    allowed = ("float32", "mixed_float16", "mixed_bfloat16")
    if requested in allowed:
        return requested
    if requested != "auto":
        raise UsageError(f"mixed_precision={requested!r} is not known", f"Allowed: auto, {', '.join(allowed)}.")
    if strategy == "tpu":
        return "mixed_bfloat16"
    return "mixed_float16" if hardware.tensor_cores and strategy != "cpu" else "float32"


def is_chief() -> bool:
    """Whether this process is the one that writes: always, but for the other workers of a cluster in `TF_CONFIG`."""
    config = _cluster()
    workers = _workers(config)
    if not workers:
        return True
    task = config.get("task") or {}
    return f"{task.get('type')}:{task.get('index')}" == workers[0]


def _cluster() -> dict[str, Any]:
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        config = json.loads(text)
    except ValueError as error:
        raise UsageError(f"TF_CONFIG={text!r} is not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise UsageError(f"TF_CONFIG={text!r} is not a JSON object", 'Expected {"cluster": …, "task": …}.')
    return config


def _workers(config: dict[str, Any]) -> list[str]:
    """The machines that train, as `type:index`, the chief first."""
    cluster = config.get("cluster") or {}
    return [f"{kind}:{index}" for kind in ("chief", "master", "worker") for index in range(len(cluster.get(kind, ())))]
