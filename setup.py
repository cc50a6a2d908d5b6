"""The distribution. What it needs is given as ranges; `requirements/` holds the locks that are tested."""

import re
from pathlib import Path

from setuptools import find_packages, setup

[VERSION] = re.findall(
    r'__version__ = "(.+)"', Path(__file__).with_name("weighbridge").joinpath("__init__.py").read_text()
)

setup(
    name="weighbridge",
    version=VERSION,
    description="Weigh data, model and latency before a model reaches production: TFX components and hybrid CI/CD.",
    long_description="See README.md.",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.14",
    # Links in `weighbridge/` lead to the top-level folders `components/` and `pipelines/`; one name is installed.
    packages=find_packages(include=["weighbridge", "weighbridge.*"]),
    package_data={
        "": ["*.yaml", "*.pbtxt", "*.md", "*.j2", "*.css", "*.json", "*.parquet", "*.pyi", "py.typed"],
        "weighbridge": ["requirements/tfx-*.lock", "requirements/licences.yaml"],  # a link, too
    },
    install_requires=[
        "tfx>=1.16,<1.22",
        "cyclonedx-python-lib>=11",
        "google-crc32c>=1.1",
        "isal>=1.6",
        "jinja2>=3.1",
        "lazy-loader>=0.4",
        "model-signing>=1.1,<2",
        "pyarrow>=10",
        "pyarrow-hotfix>=0.6",
        "pydantic>=2.7",
        "pyopenssl>=25",  # model-signing imports it, and sigstore declares it no more
        "pyyaml>=6",
        "requests>=2.28",
        "rich>=13",
        "scipy>=1.11",
        "typer>=0.12",
    ],
    extras_require={
        "als": ["implicit>=0.7"],
        "recommender": ["faiss-cpu>=1.8"],
        "kubeflow": ["kfp>=2.7", "kfp-kubernetes>=1.2", "kubernetes>=23"],
        "mlflow": ["mlflow-skinny>=3"],
        "gcs": ["google-cloud-storage>=2.10"],
        "s3": ["boto3>=1.41"],
    },
    entry_points={"console_scripts": ["weighbridge=weighbridge.cli.main:run_and_exit"]},
)
