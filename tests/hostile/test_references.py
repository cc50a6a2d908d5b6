"""References and modules that are no pipeline."""

from pathlib import Path

import pytest

from tests.hostile.conftest import PIPELINE, assert_clear, snapshot

# A pipeline that is none.
REFERENCES = [
    "", " ", ".", "..", "../x", "/", "//", "./", "no_such", "no.such.module", "a b", "taxi/", "taxi.", ".taxi",
    "..taxi",
    "taxi..pipeline", "hostile_shop.", "hostile_shop..pipeline", "hostile_shop.nothing", "os", "json", "os.path",
    "weighbridge", "hostile_shop/gates.yaml", "hostile_shop/missing.py", "/dev/null", "/etc/passwd", "~", "*", "\x00",
    "taxi\n", "táxi", "1", "0", "None", "x" * 5000, "a." * 500 + "a", "http://example.com/pipeline.py", "{}", "$(true)",
    "\u202etaxi", "\x1b[31mtaxi",
]  # fmt: skip


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda text: ascii(text[:40]))
@pytest.mark.parametrize("command", [("ci", "pending"), ("run",)], ids="-".join)
def test_what_names_no_pipeline(
    weighbridge, shop: Path, tmp_path: Path, command: tuple[str, ...], reference: str
) -> None:
    before = snapshot(tmp_path)
    refused = weighbridge(*command, "--", reference)
    assert_clear(refused)
    assert "\x1b[31mtaxi" not in refused.err
    assert "\u202e" not in refused.err
    assert snapshot(tmp_path) == before


# A module that cannot be one's pipeline.
MODULES = {
    "syntax error": "def create_pipeline(:\n",
    "indentation": "  x = 1\n y = 2\n",
    "name error": "undefined_name\n",
    "import error": "import no_such_module_at_all\n",
    "zero division": "1 / 0\n",
    "assertion": "assert False, 'told so'\n",
    "exit 0": "import sys\nsys.exit(0)\n",
    "exit 1": "raise SystemExit(1)\n",
    "interrupt": "raise KeyboardInterrupt\n",
    "base exception": "class Own(BaseException): pass\nraise Own('own')\n",
    "generator exit": "raise GeneratorExit\n",
    "recursion": "def f(): f()\nf()\n",
    "no factory": "from weighbridge import definition\nclass Parameters(definition.Parameters): data: str = 'x'\n",
    "factory is no function": PIPELINE.split("def create")[0] + "create_pipeline = 1\n",
    "no parameters": "def create_pipeline(parameters, context): ...\n",
    "parameters are no class": "Parameters = 1\ndef create_pipeline(parameters, context): ...\n",
    "empty": "",
    "imports itself": "from hostile_shop.pipeline import create_pipeline\n",
}


@pytest.mark.parametrize("text", MODULES.values(), ids=MODULES.keys())
def test_a_module_that_is_no_pipeline(weighbridge, shop: Path, text: str) -> None:
    (shop / "pipeline.py").write_text(text)
    codes = (2, 3) if "KeyboardInterrupt" in text else (2,)
    assert_clear(weighbridge("ci", "pending", "hostile_shop.pipeline"), codes=codes)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"x = '\xe9'\n", b"\x00", b"# coding: no-such\nx = 1\n"], ids=ascii)
def test_a_module_that_is_no_text(weighbridge, shop: Path, data: bytes) -> None:
    (shop / "pipeline.py").write_bytes(data)
    assert_clear(weighbridge("ci", "pending", "hostile_shop.pipeline"))
