"""What a step says last is read as it was meant, whatever is in it and around it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.kubeflow.step.termination_message import GATES_LINE, exit_code_in, gates_in, of_error, of_refusal
from weighbridge.verdict import Gate
from weighbridge.verdict.gate import STATUSES

NAMES = st.from_regex(r"[a-z_]{1,8}(\.[a-zA-Z0-9_=]{1,8}){1,3}", fullmatch=True)
GATES = st.builds(
    Gate,
    name=NAMES,
    status=st.sampled_from(STATUSES),
    severity=st.sampled_from(["blocking", "warning"]),
    observed=st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    message=st.text(min_size=1, max_size=30),
)
LINES = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=30)


@given(
    gates=st.lists(GATES, min_size=1, max_size=4), before=LINES, stamp=st.sampled_from(["", "2026-01-01T00:00:00Z "])
)
def test_gates_come_back_as_they_were(gates: list[Gate], before: str, stamp: str) -> None:
    log = "\n".join([before, *(stamp + line for line in of_refusal(gates))])
    assert gates_in(log) == gates


def test_where_the_line_of_gates_was_cut_the_sentences_stand() -> None:
    gates = [
        Gate(name="a.b", status="passed", message="Fine."),
        Gate(name="c.d.max", status="refused", message="Too much:\nhalve it."),
    ]
    first, second = of_refusal(gates)
    log = f"{first[:40]}\n{second}\n"
    assert [(gate.name, gate.passed, gate.message) for gate in gates_in(log)] == [
        ("c.d.max", False, "Too much: halve it.")
    ]
    assert gates_in(f"main: Error (exit code 1): {second}")[0].name == "c.d.max"
    assert gates_in(f"x\n{GATES_LINE}no json\n") == []


@pytest.mark.parametrize(
    ("log", "code"),
    [
        ("\n".join(of_error(UsageError("data='x' is wrong"))), ExitCode.USAGE),
        ("INFO x\n" + "\n".join(of_error(InfrastructureError("disk", "Free some."))), ExitCode.INFRASTRUCTURE),
        ("main: Error (exit code 2): USAGE: no", ExitCode.USAGE),
        ("Killed", ExitCode.INFRASTRUCTURE),
        ("", ExitCode.INFRASTRUCTURE),
    ],
)
def test_the_kind_of_an_error(log: str, code: ExitCode) -> None:
    assert exit_code_in(log) == code
