"""Where each component stands in the catalogue, and what it is found by.

What else is in the catalogue is read off the components. Categories are those of `kubeflow/pipelines-components`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A component in the catalogue.

    Attributes:
        name: folder of the component below `components`, and name of its function in the catalogue.
        category: folder of the catalogue that it is in.
        tags: words that it is found by.
        example: what its example pipeline does.
        after: components whose outputs it takes in the example pipeline.
    """

    name: str
    category: str
    tags: tuple[str, ...]
    example: str
    after: tuple[str, ...] = ()

    @property
    def listed_name(self) -> str:
        """Its name in the catalogue, where others have trainers too."""
        return f"weighbridge_{self.name}"

    @property
    def folder(self) -> str:
        """Where it lies in the catalogue."""
        return f"components/{self.category}/{self.listed_name}"

    @property
    def module(self) -> str:
        """What it is imported from by users of the catalogue."""
        return f"kfp_components.{self.folder.replace('/', '.')}"


ENTRIES = (
    Entry(
        "example_gen",
        "data_processing",
        ("data_processing", "tfx", "examples", "splits", "quarantine"),
        "Read taxi trips into splits",
    ),
    Entry(
        "production_model",
        "deployment",
        ("deployment", "tfx", "model_registry", "baseline"),
        "Look up the model in production",
    ),
    Entry(
        "data_validator",
        "data_processing",
        ("data_processing", "tfx", "data_validation", "schema", "drift", "skew"),
        "Read taxi trips, and weigh them against a schema and the data of production",
        after=("example_gen", "production_model"),
    ),
    Entry(
        "trainer",
        "training",
        ("training", "tfx", "keras", "tensorflow"),
        "Train a model on taxi trips that passed",
        after=("example_gen", "data_validator"),
    ),
    Entry(
        "evaluator",
        "evaluation",
        ("evaluation", "tfx", "metrics", "slices", "latency", "gates"),
        "Train a model on taxi trips, and weigh its quality and latency against production",
        after=("example_gen", "production_model", "data_validator", "trainer"),
    ),
    Entry(
        "pusher",
        "deployment",
        ("deployment", "tfx", "model_registry", "serving"),
        "Train a model on taxi trips, weigh it, and push it if every gate passed",
        after=("data_validator", "trainer", "evaluator"),
    ),
)


def upstream(name: str) -> set[str]:
    """A component and all that come before it in the example pipeline."""
    [entry] = (each for each in ENTRIES if each.name == name)
    return {name}.union(*(upstream(other) for other in entry.after))
