"""Who approved a promotion: a name that was given, or whom Jenkins names as the build's approver. Imports no tfx."""

from dataclasses import dataclass

from weighbridge.common.errors import UsageError, WeighbridgeError
from weighbridge.delivery.jenkins_build import read_build
from weighbridge.thresholds.delivery import Stage
from weighbridge.thresholds.jenkins import JenkinsApproval, build_address, is_below
from weighbridge.verdict import Gate, passed_if


@dataclass(frozen=True)
class Approval:
    """An approval, or why there is none.

    Attributes:
        by: who approved; empty for nobody.
        build: address of the build that says so; empty where nobody looked.
        note: why nobody approved, or what else a person should know; may be empty.
    """

    by: str = ""
    build: str = ""
    note: str = ""


def find_approval(stage: Stage, by: str, build: str, command: str) -> Approval:
    """Who approved what goes to a stage.

    Where the policy names a Jenkins, only what a running build there says counts. Where it takes any name, a build that
    cannot be read says nothing against a name that was given. Where nobody must approve, no build is read.

    Args:
        stage: what is promoted to.
        by: the name that was given; blank for none.
        build: address of a build; blank for none.
        command: the promotion's command, to which a person adds what is missing.

    Raises:
        UsageError: the name holds what nobody can see, or the build must be read, and is none or may not be seen.
        InfrastructureError: it must be read, and Jenkins cannot be reached.
    """
    by, build, policy = by.strip(), build.strip(), stage.approved_in
    if not by.isprintable():
        hint = "Give the name of a person, e.g. --approved-by 'Jane Doe'."
        raise UsageError(f"--approved-by {by!a} holds characters that cannot be seen", hint)
    if stage.approval == "none":
        return Approval(by)
    if policy is None:
        return _any_name(by, build, command)
    if not build:
        so = f"A name alone ({by}) does not count: the" if by else "The"
        note = f"{so} policy asks for an approval in a build of {policy.jenkins}. Whoever runs that build: "
        return Approval(note=f"{note}{command} --approved-in BUILD_URL.")
    address = build_address(build)
    if not is_below(address, policy.jenkins):
        note = f"{address} is no build below {policy.jenkins}, the only ones whose approval counts."
        return Approval(build=address, note=note)
    return _read(address, by, policy)


def approved_gate(approval: Approval, stage: Stage, name: str) -> Gate:
    """Whether somebody approved.

    Args:
        approval: see `find_approval`.
        stage: what is promoted to.
        name: of the gate.
    """
    said = f"Approved by {approval.by}{f' in {approval.build}' if approval.build else ''}."
    return Gate(
        name=name,
        status=passed_if(bool(approval.by)),
        observed=approval.by or None,
        threshold=stage.approved_in.jenkins if stage.approved_in else "required",
        message=" ".join(part for part in (said if approval.by else "", approval.note) if part),
    )


def _any_name(by: str, build: str, command: str) -> Approval:
    if not by and not build:
        return Approval(note=f"The policy asks for an approval. Whoever approves: {command} --approved-by NAME.")
    if not build:
        return Approval(by)
    try:
        found = _read(build_address(build), by, None)
    except WeighbridgeError as error:
        if not by:
            raise
        return Approval(by, note=f"The name was not compared with the build's: {error.message}.")
    if by and not found.by and not found.build:
        return Approval(by, note=found.note)
    return found


def _read(address: str, by: str, policy: JenkinsApproval | None) -> Approval:
    """What a build says; `build` is empty where it names no approver at all."""
    found = read_build(address)
    if not found.building:
        return Approval(note=f"{address} has ended: an approval counts while its build runs.")
    if not found.approvers:
        return Approval(note=f"Nobody approved {address}.")
    names = ", ".join(found.approvers)
    counting = [name for name in found.approvers if not policy or not policy.approvers or name in policy.approvers]
    if not counting:
        allowed = ", ".join(policy.approvers or ()) if policy else ""
        return Approval(build=address, note=f"Approved by {names}, but only these may: {allowed}.")
    # Jenkins may take a name for the same user in capitals and without.
    same = [name for name in counting if name.casefold() == by.casefold()] if by else counting
    if not same:
        return Approval(build=address, note=f"Approved by {names} in {address}, and not by {by} (--approved-by).")
    return Approval(same[-1], address)
