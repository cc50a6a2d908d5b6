"""The taxi pipeline of stock components, compiled by stock TFX; run as `python -m benchmarks.stock_compile FOLDER`."""

import sys

from benchmarks.stock import components


def main(folder: str) -> None:
    """Write the package that TFX's own runner makes for Kubeflow."""
    from tfx import v1 as tfx

    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
            default_image="repository/image", use_pipeline_spec_2_1=True
        ),
        output_dir=folder,
        output_filename="stock.yaml",
    )
    runner.run(
        tfx.dsl.Pipeline(
            pipeline_name="stock",
            pipeline_root="gs://bucket/root",
            components=components(tfx, "gs://bucket/data", "/state"),
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
