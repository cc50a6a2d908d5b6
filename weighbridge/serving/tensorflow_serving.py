"""What TensorFlow Serving is told to serve a destination: its base path is the layout that the Pusher writes.

In protobuf's text format: ModelServerConfig, MonitoringConfig and BatchingParameters of tensorflow_serving/config.
"""

from pathlib import Path

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.serving.settings import Settings
from weighbridge.storage.registry.address import is_registry

MODELS_FILE = "models.config"
MONITORING_FILE = "monitoring.config"
BATCHING_FILE = "batching.config"
METRICS_PATH = "/monitoring/prometheus/metrics"

_QUEUED_PER_THREAD = 64


def models_config(name: str, base_path: str, version: int) -> str:
    """`models.config`: one model, and the one version that is in production.

    A version is named and not "latest": TensorFlow Serving would take up a version that is pushed and not yet in
    production, as a canary's is, and none that production went back to.

    Args:
        name: of the model.
        base_path: folder or `gs://…` that holds the versions.
        version: in production.

    Raises:
        UsageError: TensorFlow Serving cannot read models there.
    """
    if is_registry(base_path):
        raise UsageError(
            f"TensorFlow Serving reads no {base_path}: it knows folders and buckets",
            "Push to a folder or to gs://bucket/prefix, or serve it by weighbridge serve.",
        )
    return f"""model_config_list {{
  config {{
    name: {_quoted(name)}
    base_path: {_quoted(base_path)}
    model_platform: "tensorflow"
    model_version_policy {{
      specific {{
        versions: {version}
      }}
    }}
  }}
}}
"""


def monitoring_config() -> str:
    """`monitoring.config`: metrics for Prometheus, at `METRICS_PATH` of the REST port."""
    return f"prometheus_config {{\n  enable: true\n  path: {_quoted(METRICS_PATH)}\n}}\n"


def batching_config(settings: Settings) -> str:
    """`batching.config`: as many rows, threads and as long a wait as our own server has.

    Args:
        settings: of that server.
    """
    delay_us = round(settings.batch_delay_ms * 1000)
    queued = max(settings.concurrency // settings.max_batch, _QUEUED_PER_THREAD)
    return "".join(
        f"{key} {{ value: {value} }}\n"
        for key, value in {
            "max_batch_size": settings.max_batch,
            "batch_timeout_micros": delay_us,
            "num_batch_threads": settings.workers,
            "max_enqueued_batches": queued,
        }.items()
    )


def command(folder: Path, settings: Settings) -> str:
    """The command line that serves with the files in a folder."""
    batching = f" --enable_batching --batching_parameters_file={folder / BATCHING_FILE}" * (settings.max_batch > 1)
    return (
        f"tensorflow_model_server --rest_api_port={settings.port} --port={max(settings.grpc_port, 0)} "
        f"--model_config_file={folder / MODELS_FILE} --model_config_file_poll_wait_seconds=30 "
        f"--monitoring_config_file={folder / MONITORING_FILE}{batching}"
    )


def write(folder: Path, settings: Settings, base_path: str, version: int) -> str:
    """Write the three files, each in one step; TensorFlow Serving that polls `models.config` changes over.

    Returns:
        The command line that serves with them.

    Raises:
        UsageError: as for `models_config`.
    """
    models = models_config(settings.name, base_path, version)
    files.write_text(folder / MONITORING_FILE, monitoring_config())
    files.write_text(folder / BATCHING_FILE, batching_config(settings))
    files.write_text(folder / MODELS_FILE, models)
    return command(folder, settings)


def _quoted(text: str) -> str:
    """A string in protobuf's text format."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
