"""Where a model comes from: what the run was asked for, the data, the training, and the machines that worked on it."""

from typing import Any, ClassVar

from pydantic import AwareDatetime, Field

from weighbridge.evidence.base import Document, EvidenceFile
from weighbridge.evidence.summary import InputFile

PROVENANCE_FILE = "provenance.json"
TRAINING_FILE = "training.json"


class Machine(Document):
    """What a process ran on.

    Attributes:
        system: operating system and C library, such as `Linux x86_64, glibc 2.36`.
        cpu: model name of the processor, and what it can compute with.
        cores: that the process may use.
        memory_bytes: of the machine.
        accelerators: names of the devices that trained, such as `GPU:0 NVIDIA H100`; none for the processor alone.
    """

    system: str
    cpu: str
    cores: int
    memory_bytes: int | None = None
    accelerators: list[str] = Field(default_factory=list)


class Software(Document):
    """What a process ran with.

    Attributes:
        python: version.
        libraries: version of each distribution that changes what is computed.
        lock: digest of the lock file for this Python; empty where none came with Weighbridge.
        image: digest of the image; empty outside one.
    """

    python: str
    libraries: dict[str, str] = Field(default_factory=dict)
    lock: str = ""
    image: str = ""


class DataOrigin(Document):
    """The data of one Examples artifact.

    Attributes:
        input_digest: of the files, names and bytes; empty where the step that wrote the examples read none.
        content_digest: of all rows, whatever their order.
        span: newest span that was read; None where the input has none.
        rows: of each split.
        sample: the share of the rows that was used, 1 for all.
        files: that were read.
        dvc: MD5 of those files that DVC tracks, by path: what a pointer or `dvc.lock` says, and they are.
    """

    input_digest: str = ""
    content_digest: str = ""
    span: int | None = None
    rows: dict[str, int] = Field(default_factory=dict)
    sample: float = 1.0
    files: list[InputFile] = Field(default_factory=list)
    dvc: dict[str, str] = Field(default_factory=dict)


class TrainingOrigin(EvidenceFile):
    """`training.json`, which the Trainer leaves beside the training's history.

    Attributes:
        run_fn: dotted name of the function that trained.
        parameters: everything that it was told, without secrets.
        seed: of initialisation and shuffling.
        deterministic: whether the same seed must give the same weights, bit for bit.
        warm_start: digest of the model that the training started from; empty for none.
        machine: that trained.
        software: that trained.
    """

    FILE: ClassVar[str] = TRAINING_FILE

    run_fn: str
    parameters: dict[str, Any]
    seed: int
    deterministic: bool
    warm_start: str = ""
    machine: Machine
    software: Software


class Origin(Document):
    """What a run was asked for, as it is known where its pipeline is built: here, or where a package is compiled.

    Attributes:
        module: that defines the pipeline.
        parameters: of the pipeline, without secrets.
        repository: address of the git repository with the pipeline's code, without secrets; empty for none.
        commit: that is checked out there, without more; empty for none.
        changes: digest of what differs from the commit, untracked files included; empty where nothing does.
        folder: of the definition, below the root of the repository.
        code: digest of the code behind each step, by the step's name, see `weighbridge.runs.fingerprint`.
    """

    module: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    repository: str = ""
    commit: str = ""
    changes: str = ""
    folder: str = ""
    code: dict[str, str] = Field(default_factory=dict)


class Provenance(EvidenceFile):
    """`provenance.json`: the Evaluator leaves it beside the verdict; whoever knows the run's origin adds that.

    Attributes:
        pipeline: name of the pipeline.
        run_id: of the run that weighed.
        weighed_at: when; UTC.
        origin: what the run was asked for; None where that is not known.
        data: of the Examples that the model was trained and weighed on.
        training: None where the step that trained left nothing, as stock TFX's does.
        thresholds: sections of the thresholds in force, by name, each as the step had it that judged by it.
        machine: that weighed.
        software: that weighed.
        parents: digests of the models that this one depends on: `production`, which it was compared with, and
            `warm_start`; absent where there was none.
    """

    FILE: ClassVar[str] = PROVENANCE_FILE

    pipeline: str
    run_id: str
    weighed_at: AwareDatetime
    origin: Origin | None = None
    data: list[DataOrigin] = Field(default_factory=list)
    training: TrainingOrigin | None = None
    thresholds: dict[str, Any] = Field(default_factory=dict)
    machine: Machine
    software: Software
    parents: dict[str, str] = Field(default_factory=dict)
