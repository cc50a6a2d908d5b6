"""What a pushed model asks of a cluster, kept with its version: the verdict's subject names its digest."""

from dataclasses import replace
from pathlib import Path

from weighbridge.attestation.strict import read_plain
from weighbridge.common.digests import file_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.pusher.statement import GROUP, Statement
from weighbridge.evidence.sizing import SIZING_FILE, SIZING_SUBJECT
from weighbridge.verdict import Gate, Verdict


def sized(statement: Statement, verdict: Verdict, evaluation: Path) -> Statement:
    """The statement with `sizing.json` among its files, where the model was measured as it is served.

    Args:
        statement: what goes with the version.
        verdict: that the model was weighed to.
        evaluation: folder with the verdict, and the file beside it.

    Returns:
        The same where the verdict names none. Where the file is gone, or is not the one that the verdict names, a gate
        refuses: delivery would size a cluster by what nobody measured.
    """
    wanted = verdict.subject.get(SIZING_SUBJECT)
    if wanted is None:
        return statement
    path = evaluation / SIZING_FILE
    try:
        data = read_plain(path)
    except UsageError:
        data = None
    found = None if data is None else file_digest(path)
    if data is None or found != wanted:
        gate = Gate(
            name=f"{GROUP}.sizing.equal",
            status="unmeasured" if data is None else "refused",
            observed=found,
            threshold=wanted,
            message=f"{path} is {'gone' if data is None else 'not the one'} that the verdict names. Weigh the model "
            "again: run the Evaluator anew.",
        )
        return replace(statement, gates=(*statement.gates, gate))
    return replace(statement, files={**statement.files, SIZING_FILE: data})
