"""The statistics of a version's training data: kept with it, attested with it, and verified before they are used."""

from pathlib import Path

from weighbridge.attestation.attest import ATTESTATIONS_FILE
from weighbridge.attestation.read import attested_in
from weighbridge.common.digests import file_digest, tree_digest_of
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.examples import SPLIT_PREFIX


def statistics_digest(folder: str | Path) -> str:
    """Digest of the splits' statistics in a folder; empty where there are none.

    Args:
        folder: with `Split-<name>/` folders; what else is there is not kept with a version.
    """
    paths = (path for path in Path(folder).glob(f"{SPLIT_PREFIX}*/**/*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): file_digest(path) for path in paths}
    return tree_digest_of(files) if files else ""


def check_statistics(folder: str | Path, attestations: bytes | None, where: str) -> None:
    """Make sure that statistics are those that were attested with their version.

    Args:
        folder: with the statistics, or a copy of it.
        attestations: bytes of the file beside them; None for a version of before there was one.
        where: they are from, for messages.

    Raises:
        UsageError: they were changed, or the attestations cannot be read.
    """
    if attestations is None:
        return
    found = attested_in({ATTESTATIONS_FILE: attestations}, where)
    said = None if found is None else found.weighing.predicate.get("statistics")
    if said is not None and said != statistics_digest(folder):
        raise UsageError(
            f"The statistics in {where} are not those that the model was pushed with",
            "Restore them from a copy: drift would be measured from other data than the model was trained on.",
        )
