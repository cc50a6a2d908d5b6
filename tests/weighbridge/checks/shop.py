"""A user's own pipeline in a folder of its own, to be broken in one place or another; its functions are quick."""

from pathlib import Path

PIPELINE = '''"""Who buys again."""

from weighbridge.definition import Parameters as Base


class Parameters(Base):
    data: str = "DATA"
    split: str = "eval"


def create_pipeline(parameters, context):
    from weighbridge.components.data_validator import DataValidator
    from weighbridge.components.evaluator import Evaluator
    from weighbridge.components.example_gen import ExampleGen
    from weighbridge.components.pusher import Pusher
    from weighbridge.components.trainer import Trainer

    gates = context.gates
    rows = ExampleGen(
        parameters.data, schema_file=str(context.schema), prepare_fn="PACKAGE.functions.prepare", gates=gates.examples
    )
    validator = DataValidator(rows.outputs["examples"], schema_file=str(context.schema), gates=gates.data)
    trainer = Trainer("PACKAGE.functions.run_fn", rows.outputs["examples"], schema=validator.outputs["schema"])
    evaluator = Evaluator(
        rows.outputs["examples"],
        trainer.outputs["model"],
        quality=gates.quality,
        latency=gates.latency,
        label="again",
        split=parameters.split,
        schema=validator.outputs["schema"],
        anomalies=validator.outputs["anomalies"],
        model_run=trainer.outputs["model_run"],
    )
    pusher = Pusher(
        trainer.outputs["model"], evaluator.outputs["evaluation"], destination=context.destination
    )
    return context.pipeline([rows, validator, trainer, evaluator, pusher])
'''

FUNCTIONS = """
def prepare(batch):
    return batch


def run_fn(fn_args):
    raise AssertionError("something was trained")
"""

GATES = """data:
  rows:
    train: {min: 10}
  label: {feature: again}
  skew:
    town: {linf: {max: 0.1}}
quality:
  metrics:
    auc: {min: 0.8}
  slices:
    - [town]
  slice_metrics:
    - slice: {town: Ulm}
      metrics:
        auc: {min: 0.7}
latency:
  batch_sizes:
    1:
      p50_ms: {max: 10}
      p99_ms: {max: 20}
"""

SCHEMA = """# Reviewed.
feature {
  name: "age"
  type: INT
  int_domain { min: 0 max: 120 }
  presence { min_count: 1 }
}
feature {
  name: "town"
  type: BYTES
  presence { min_count: 1 }
  string_domain { value: "Ulm" value: "Kiel" }
}
feature {
  name: "again"
  type: INT
  int_domain { min: 0 max: 1 }
  presence { min_fraction: 1.0 }
}
"""

ROWS = "age,town,again\n" + "".join(f"{20 + row},{('Ulm', 'Kiel')[row % 2]},{row % 2}\n" for row in range(40))


class Shop:
    """The pipeline's files; each is written as it is sound, and may be changed.

    Args:
        folder: that the package lies in.
        package: its name, another one for each test: modules are imported once in a process.
    """

    def __init__(self, folder: Path, package: str) -> None:
        self.folder = folder / package
        self.folder.mkdir()
        self.data = folder / "rows.csv"
        self.data.write_text(ROWS)
        names = {"pipeline.py": PIPELINE, "functions.py": FUNCTIONS, "gates.yaml": GATES, "schema.pbtxt": SCHEMA}
        for name, text in {**names, "__init__.py": ""}.items():
            (self.folder / name).write_text(text.replace("PACKAGE", package).replace("DATA", str(self.data)))

    @property
    def reference(self) -> str:
        """What the command line takes."""
        return str(self.folder / "pipeline.py")

    def change(self, name: str, *pairs: tuple[str, str]) -> None:
        """Replace texts of a file, which must hold them."""
        path = self.data if name == "rows.csv" else self.folder / name
        text = path.read_text()
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new, 1)
        path.write_text(text)

    def line(self, name: str, text: str) -> int:
        """The line of a file that holds a text."""
        lines = (self.folder / name).read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)
