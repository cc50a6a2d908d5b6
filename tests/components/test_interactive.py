"""Our components in TFX's InteractiveContext, in a real kernel: a refusal is seen in the cell that runs into it."""

import os
from types import SimpleNamespace

import nbclient
import nbformat
import pytest

from tests.notebooks.execute import ROOT
from weighbridge.components.interactive import component_gates
from weighbridge.verdict import Bounds, Verdict, write_gates

CELLS = (
    """
import weighbridge
from tfx.orchestration.experimental.interactive.interactive_context import InteractiveContext
from weighbridge.components.data_validator import DataValidator
from weighbridge.components.evaluator import Evaluator
from weighbridge.components.example_gen import ExampleGen
from weighbridge.components.production_model import ProductionModel
from weighbridge.components.trainer import Trainer
from weighbridge.definition import load

context = InteractiveContext(pipeline_root="root")
taxi = load("taxi")
schema, gates = str(taxi.folder / "schema.pbtxt"), weighbridge.load_gates(taxi.folder / "gates.yaml")
production = ProductionModel("production")
context.run(production)
example_gen = ExampleGen(
    taxi.parameters().data,
    splits={"train": 2, "eval": 1},
    schema_file=schema,
    prepare_fn="weighbridge.pipelines.taxi.features.prepare",
)
context.run(example_gen)
""",
    """
validator = DataValidator(
    example_gen.outputs["examples"],
    schema_file=schema,
    gates=gates.data,
    production_statistics=production.outputs["statistics"],
    history_dir="history",
)
context.run(validator)
""",
    """
trainer = Trainer(
    "weighbridge.pipelines.taxi.model.run_fn",
    example_gen.outputs["examples"],
    schema=validator.outputs["schema"],
    statistics=validator.outputs["statistics"],
    custom_config={"epochs": 1, "learning_rate": 1e-5},
)
context.run(trainer)
""",
    """
evaluator = Evaluator(
    example_gen.outputs["examples"],
    trainer.outputs["model"],
    quality=gates.quality,
    latency=gates.latency,
    label="big_tipper",
    schema=validator.outputs["schema"],
    anomalies=validator.outputs["anomalies"],
    model_run=trainer.outputs["model_run"],
)
context.run(evaluator)
""",
    "context.run(evaluator)",
    'context.show(evaluator.outputs["evaluation"])',
)


@pytest.mark.slow
def test_a_refusing_evaluator_shows_its_verdict(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS])
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(env=os.environ | {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path / ".ipython")})
    shown = [
        "".join(str(output.get("data", {}).get("text/html", "")) for output in cell.outputs) for cell in notebook.cells
    ]
    examples, validated, trained, refused, cached, asked = shown
    assert "rows_lost.max" in examples
    assert "rows.train.min" in validated
    assert "loss.finite" in trained
    for page in (refused, cached, asked):
        assert "REFUSED" in page
        assert "quality.auc.min</code>: auc is" in page
    assert "tfx-object" in refused  # and what TFX shows of it


def component(looked_up=(), **folders):
    channels = {
        key: SimpleNamespace(get=lambda uri=uri: [SimpleNamespace(uri=str(uri))]) for key, uri in folders.items()
    }
    return SimpleNamespace(outputs=channels, TRAITS=SimpleNamespace(looked_up=looked_up))


def test_what_a_component_left_is_shown_and_what_it_looked_up_is_not(tmp_path):
    gates = Bounds(min=0.9).judge("quality.<b>auc</b>", 0.5)
    for name in ("evaluation", "model", "broken"):
        (tmp_path / name).mkdir()
    write_gates(tmp_path / "model", gates)
    Verdict.of(gates, pipeline="taxi", run_id="1", subject={}).write(tmp_path / "evaluation/verdict.json")
    (tmp_path / "broken/gates.json").write_text("<script>")
    [verdict] = component_gates(component(evaluation=tmp_path / "evaluation", nothing=tmp_path / "nothing"))
    assert "REFUSED" in verdict
    assert "&lt;b&gt;auc" in verdict
    assert "<b>auc" not in verdict
    [listed] = component_gates(component(model=tmp_path / "model"))
    assert "auc&lt;/b&gt;.min" in listed
    assert list(component_gates(component(looked_up=("model",), model=tmp_path / "model"))) == []
    [told] = component_gates(component(broken=tmp_path / "broken"))
    assert "is not a list of gates" in told
    assert "<script>" not in told
