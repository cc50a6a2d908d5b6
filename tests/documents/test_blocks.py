"""Every block of the documents is what it says: commands that there are, files that load; few are not run."""

import json
import tomllib
from collections import Counter

import pytest
import yaml

from tests.documents.blocks import Block, blocks, commands, documents, outside_blocks, text_of
from tests.documents.command_lines import in_block, inline, unknown
from tests.documents.expected import missing
from weighbridge.thresholds import load_gates

pytestmark = pytest.mark.documents

BLOCKS = [block for document in documents() for block in blocks(document)]
RUN = ("console", "sh", "bash", "python")
# The sections of a thresholds file; what a document shows a part of is completed by these.
GATES = {"examples", "data", "quality", "latency", "delivery", "canary"}
REST = {"quality": {"metrics": {"auc": {"min": 0.5}}}, "latency": {"batch_sizes": {1: {"p99_ms": {"max": 50}}}}}
# Why a block may be left out, and how many are, by document: one more is a decision.
REASONS = {
    "needs a cluster",
    "needs a bucket",
    "needs a container engine",
    "needs a registry",
    "needs Jenkins",
    "needs a CI server",
    "needs data that is not here",
    "changes this machine",
    "takes too long",
    "run elsewhere",
    "an excerpt",
}
NOT_RUN = {
    "README.md": 1,
    "docs/data-versions.md": 1,
    "docs/delivery.md": 3,
    "docs/explanation/risks.md": 1,
    "docs/gates.md": 1,
    "docs/index.md": 1,
    "docs/install.md": 2,
    "docs/load.md": 1,
    "docs/looking.md": 1,
    "docs/own-pipeline.md": 1,
    "docs/recommender.md": 4,
    "docs/runbooks/kubeflow.md": 1,
    "docs/mlflow.md": 3,
    "docs/serving.md": 3,
    "infra/docker/README.md": 7,
    "infra/gitops/README.md": 1,
    "infra/jenkins/README.md": 8,
    "infra/kubernetes/README.md": 3,
    "infra/kubernetes/serving/README.md": 1,
    "infra/mlflow/README.md": 3,
    "pipelines/recommender/README.md": 1,
    "tests/jenkins/README.md": 1,
    "tests/rollout/README.md": 1,
}


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def _typed(document: str) -> list[Block]:
    return [block for block in blocks(document) if block.language != "python"]


@pytest.mark.parametrize("document", documents())
def test_every_command_that_a_document_names_is_one_with_these_options(document):
    lines = inline(text_of(document)) + [line for block in _typed(document) for line in in_block(block.text)]
    assert [(line, found) for line in lines if (found := unknown(line))] == []


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_yaml_is_yaml_and_thresholds_are_thresholds(block, tmp_path):
    content = yaml.safe_load(block.text)
    if isinstance(content, list) and any("stage" in entry for entry in content if isinstance(entry, dict)):
        content = {"delivery": content}
    if isinstance(content, dict) and content.keys() <= GATES:
        path = tmp_path / "gates.yaml"
        whole = {name: REST.get(name, {}) | section for name, section in content.items() if isinstance(section, dict)}
        path.write_text(yaml.safe_dump(REST | content | whole))
        load_gates(path)


@pytest.mark.parametrize("block", of("json", "toml"), ids=str)
def test_json_and_toml_are_what_they_say(block):
    {"json": json.loads, "toml": tomllib.loads}[block.language](block.text)


@pytest.mark.parametrize("block", [block for block in of("python") if not block.not_run], ids=str)
def test_python_is_python(block):
    compile(block.first, str(block), "exec")
    compile(block.text, str(block), "exec")


def test_what_is_not_run_says_why():
    unknown_reasons = {str(block): block.not_run for block in BLOCKS if block.not_run}
    assert {place: why for place, why in unknown_reasons.items() if why.split(":")[0] not in REASONS} == {}


def test_few_blocks_are_not_run():
    left_out = Counter(block.document for block in of(*RUN) if block.not_run)
    assert {name: count for name, count in left_out.items() if count > NOT_RUN.get(name, 0)} == {}
    assert sum(not block.not_run for block in of(*RUN)) > 2 * left_out.total()


def test_a_block_of_a_kind_that_nobody_knows_is_found():
    known = {*RUN, "yaml", "json", "toml", "groovy", "dockerfile", "text", ""}
    assert [str(block) for block in BLOCKS if block.language not in known] == []


@pytest.mark.parametrize("document", documents())
def test_nothing_to_execute_stands_outside_the_blocks_that_are_executed(document):
    assert outside_blocks(text_of(document), RUN) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```\n$ weighbridge runs\n```\n", [2]),
        ("```text\n$ ls\n```\n", [2]),
        ("~~~console\n$ ls\n~~~\n", [2]),
        ("Text:\n\n    weighbridge runs taxi\n    import weighbridge\n", [3, 4]),
        ("> ```\n> from weighbridge import run\n> ```\n", [2]),
        ("- Text:\n\n  ```console\n  $ weighbridge runs\n  ```\n", []),
        ("<!-- first:\nimport weighbridge\n-->\n```python\nweighbridge.runs()\n```\n", []),
        ("Nothing will\nimport TFX, `weighbridge --help` no more than\nweighbridge runs the steps.\n", []),
    ],
)
def test_a_command_that_would_not_be_executed_is_found(text, found):
    assert outside_blocks(text, RUN) == found


def test_comments_before_a_block_are_read():
    text = 'Text.\n\n<!-- first: x = 1 -->\n<!-- not run: needs a cluster -->\n```python title="a/b.py"\ny = x\n```\n'
    [block] = blocks("x.md", text)
    assert (block.line, block.first, block.not_run, block.title) == (5, "x = 1", "needs a cluster", "a/b.py")
    assert block.text == "y = x\n"


def test_commands_are_told_from_what_they_print():
    typed = commands("$ a \\\n    --b\nprinted\n\n$ c\n")
    assert [(command.line, command.output) for command in typed] == [("a \\\n    --b", ("printed",)), ("c", ())]


@pytest.mark.parametrize(
    ("shown", "printed", "found"),
    [
        ("run 20261128-100104-9799\n✓ Trainer  3.3 s", "run 20261129-110104-aaaa\n✓ Trainer    12.0 s\nmore", None),
        ("first\n…\nlast", "first\nsomething\nlast", None),
        ("first\nlast", "first\nsomething\nlast", "last"),
        ("sha256:ff51a1a897f3eb08 of 3", "sha256:0123456789abcdef of 4", None),
        ("✗ REFUSED", "✓ PASSED", "✗ REFUSED"),
        ("1,234 rows, and …", "999 rows, and so on", None),
        ("Wrote /home/ann/wines in 9 s", "Wrote /tmp/pages/wines in 17 s", None),
    ],
)
def test_output_is_compared_but_for_numbers(shown, printed, found):
    assert missing(tuple(shown.splitlines()), printed) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("weighbridge run taxi --sample 0.5", None),
        ("weighbridge run taxi --samples 0.5", "--samples of run"),
        ("weighbridge weigh taxi", "weigh"),
        ("weighbridge schedule create taxi --cron '0 6 * * 1'", None),
        ("weighbridge --version", None),
    ],
)
def test_a_command_that_there_is_not_is_found(line, found):
    assert unknown(line) == found
