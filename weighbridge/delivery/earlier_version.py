"""Which earlier version a rollback puts back, and whether there is anything to do. Imports no tfx."""

from collections.abc import Sequence
from dataclasses import dataclass

from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.standing import read_record, recorded, version_digest
from weighbridge.components.production_model.withdrawn import earlier, is_candidate
from weighbridge.components.pusher.restore import rollback_state
from weighbridge.storage.destination import Destination, open_destination


@dataclass(frozen=True)
class Choice:
    """What is in production, and what is to take its place.

    Attributes:
        live: the record of what is in production.
        state: `rollback_state` of the destination when it was read: a rollback of another state is none.
        target: the version to put back; None where there is nothing to do.
        done: why there is nothing to do, a sentence; empty where there is something.
        problem: what contradicts at the destination, a sentence; empty for nothing.
        others: further versions that could be put back, the newest first.
    """

    live: ProductionRecord
    state: str
    target: ProductionRecord | None = None
    done: str = ""
    problem: str = ""
    others: tuple[int, ...] = ()


def choose(destination: str, to: str, command: str) -> Choice:
    """Choose the version that a rollback puts back.

    Without being told it is the newest before the one in production that has other bytes and was never rolled back
    from. Where production is a rollback already there is nothing to do: who asks twice, or asks again after an error,
    does not go back twice.

    Args:
        destination: folder or address.
        to: number of a version, or a run; empty for the version before.
        command: the rollback's command without `--to`, for messages.

    Raises:
        UsageError: nothing is in production, there is no such version, none is left to go back to, or the record cannot
            be read.
        InfrastructureError: the store cannot be reached.
    """
    place = open_destination(destination)
    state = rollback_state(destination)
    live, problem = _live(destination, command)
    known = list(earlier(place, live))
    others = tuple(record.version for record in known if record.model_digest != live.model_digest)
    if not to:
        return _before(live, state, problem, known, others, command)
    target = _named(to, live, known, destination, command)
    others = tuple(number for number in others if number != target.version)
    if target.model_digest == live.model_digest and _is_whole(place, live):
        named = f"version {to}" if to.isdecimal() else f"the model of run {to}"
        same = "" if target.version == live.version else f", whose bytes are those of version {target.version}"
        done = f"Nothing to do: {named} is what is in production, as version {live.version}{same}."
        return Choice(live, state, done=done, problem=problem, others=others)
    return Choice(live, state, target, problem=problem, others=others)


def _live(destination: str, command: str) -> tuple[ProductionRecord, str]:
    """What is in production; where versions contradict the record, what that says, since a rollback mends it."""
    try:
        found, problem = read_record(destination), ""
    except UsageError as error:
        found, problem = recorded(destination), error.message
        if found is None:
            raise
    if found is None:
        raise UsageError(
            f"Nothing is in production at {destination}, so there is nothing to roll back",
            f"Is it the right place? Give --destination, or --stage. See: {_look(command)}",
        )
    return found, problem


def _look(command: str) -> str:
    """The command that shows what is in production, in the place of a rollback."""
    return command.replace(" rollback ", " production ", 1)


def _before(
    live: ProductionRecord,
    state: str,
    problem: str,
    known: Sequence[ProductionRecord],
    others: tuple[int, ...],
    command: str,
) -> Choice:
    before = [record for record in known if record.version < live.version]
    replaced = next((r.model_digest for r in known if live.rollback and r.version == live.rollback.replaces), "")
    further = next(
        (r for r in before if is_candidate(r, live, live.withdrawn) and r.model_digest != replaced),
        None,
    )
    if live.rollback is not None:
        then = f"{live.pushed_at:%Y-%m-%d %H:%M} UTC"
        done = (
            f"Nothing to do: version {live.version} in production is a rollback already, from version "
            f"{live.rollback.replaces} to version {live.rollback.restores}, of {then}."
        )
        if further is not None:
            done += f" To go back further: {command} --to {further.version}"
        return Choice(live, state, done=done, problem=problem, others=others)
    if further is None:
        why = ", except versions that were rolled back from" if others else ""
        hint = f"To put one of these back: {command} --to {others[0]}" if others else f"See: {_look(command)}"
        raise UsageError(f"No version is before version {live.version} with other bytes{why}", hint)
    others = tuple(number for number in others if number != further.version)
    return Choice(live, state, further, problem=problem, others=others)


def _named(
    to: str, live: ProductionRecord, known: Sequence[ProductionRecord], destination: str, command: str
) -> ProductionRecord:
    """The version of a number, or the newest of a run: one that was put back stands for the one that it is."""
    records = [live, *known]
    if to.isascii() and to.isdecimal():
        found = [record for record in records if record.version == int(to)]
    else:
        found = [record for record in records if record.run_id.startswith(to)]
    if not found:
        told = ", ".join(f"{record.version} (run {record.run_id})" for record in known[:_SHOWN])
        more = ", …" if len(known) > _SHOWN else ""
        raise UsageError(
            f"--to {to}: no such version was in production at {destination} before version {live.version}",
            f"Versions: {told}{more}. E.g.: {command} --to {known[0].version}"
            if known
            else f"Version {live.version} is the first.",
        )
    runs = sorted({record.run_id for record in found})
    if len(runs) > 1:
        raise UsageError(f"--to {to}: {len(runs)} runs begin so: {', '.join(runs[:_SHOWN])}", "Give more of the id.")
    return found[0]


_SHOWN = 10


def _is_whole(place: Destination, record: ProductionRecord) -> bool:
    return version_digest(place, record.version) == record.model_digest
