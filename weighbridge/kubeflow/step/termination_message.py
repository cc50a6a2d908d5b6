"""The last lines of a step's log, as a step writes them and as they are read again.

Of a failed step Kubeflow keeps no artifacts, and its API gives no reason: the log is all there is.
"""

import json
import re
from collections.abc import Iterable

from pydantic import ValidationError

from weighbridge.common.errors import ExitCode, WeighbridgeError
from weighbridge.verdict import Gate
from weighbridge.verdict.verdict import GateList

GATES_LINE = "weighbridge-gates: "

# Behind `exit code 1: ` in a message of Argo's.
_REFUSED = re.compile(r"(?:^|: )REFUSED (?P<gate>\S.*?): (?P<sentence>.+?)\s*$", re.MULTILINE)
_ERROR = re.compile(r"(?:^|: )(?P<code>USAGE|INFRASTRUCTURE): (?P<sentence>.+?)\s*$", re.MULTILINE)


def of_refusal(gates: Iterable[Gate]) -> list[str]:
    """The lines of a step whose gate refuses: all its gates for machines, then a sentence per refusing one."""
    gates = list(gates)
    # As ASCII: what carries a log may take other characters for the end of a line.
    document = json.dumps(json.loads(GateList(gates=tuple(gates)).model_dump_json()))
    return [
        GATES_LINE + document,
        *sentences(gates),
    ]


def sentences(gates: Iterable[Gate]) -> list[str]:
    """A sentence per gate that refuses."""
    return [f"REFUSED {gate.name}: {_one_line(gate.message)}" for gate in gates if gate.refuses]


def of_error(error: WeighbridgeError) -> list[str]:
    """The lines of a step that ends in an error: of which kind, what it is, and what to do."""
    return [f"{error.exit_code.name}: {_one_line(error.message)}", *([_one_line(error.hint)] if error.hint else [])]


def gates_in(log: str) -> list[Gate]:
    """The gates in a log: all of the step's, or the refusing ones by their sentences; empty for none."""
    for line in log.splitlines():
        _, found, document = line.partition(GATES_LINE)
        if found:
            try:
                return list(GateList.model_validate_json(document).gates)
            except ValidationError:  # a line that was cut
                continue
    return [Gate(name=match["gate"], status="refused", message=match["sentence"]) for match in _REFUSED.finditer(log)]


def exit_code_in(log: str) -> ExitCode:
    """The exit code of a step that ended in an error, by its last such line; else that of an unforeseen failure."""
    found = [match["code"] for match in _ERROR.finditer(log)]
    return ExitCode[found[-1]] if found else ExitCode.INFRASTRUCTURE


def _one_line(text: str) -> str:
    return " ".join(text.split())
