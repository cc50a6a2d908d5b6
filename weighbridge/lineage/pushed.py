"""What a destination knows of the models that were pushed there: its records, and what is attested with them."""

from weighbridge.attestation.attest import ATTESTED_FILES
from weighbridge.attestation.read import Attested, attested_in
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.claim import evidence
from weighbridge.components.production_model.record import ProductionRecord, production_history
from weighbridge.components.production_model.standing import read_record, recorded
from weighbridge.lineage.models import Catalogue, Place, Weighing
from weighbridge.storage.destination import Destination, open_destination

_EARLIER = "it was pushed by a release that recorded nothing of it"


def read_destination(catalogue: Catalogue, destination: str, stage: str = "") -> None:
    """Add all versions of a destination to a catalogue.

    Args:
        catalogue: added to; what cannot be read of a version is a note in it.
        destination: folder or address.
        stage: that it is; empty where that is not known.

    Raises:
        UsageError: it is no destination, or the record of a version cannot be read.
        InfrastructureError: the store cannot be reached.
    """
    place = open_destination(destination)
    history = production_history(destination)
    live = _live(catalogue, destination) if history else 0
    for record in history:
        catalogue.add_place(
            record.model_digest,
            Place(
                destination=place.address,
                stage=stage,
                version=record.version,
                live=record.version == live,
                pushed_at=record.pushed_at,
            ),
        )
        catalogue.add_weighing(record.model_digest, _weighing(catalogue, place, record))


def _live(catalogue: Catalogue, destination: str) -> int:
    """The version that is served; where the records contradict each other, the one that is named."""
    try:
        found = read_record(destination)
    except UsageError as error:
        catalogue.notes.append(f"What is served at {destination} contradicts its records: {error.message}.")
        found = recorded(destination)
    return found.version if found else 0


def _weighing(catalogue: Catalogue, place: Destination, record: ProductionRecord) -> Weighing:
    weighing = Weighing(
        pipeline=record.pipeline,
        run_id=record.run_id,
        outcome="passed",  # nothing else is pushed
        subject=record.subject,
        missing=_EARLIER,
    )
    try:
        found = _attested(place, record)
    except UsageError as error:
        catalogue.notes.append(f"{error.message}.")
        return weighing.model_copy(update={"missing": "what is attested with it cannot be read"})
    if found is None:
        return weighing
    if found.verdict.digest != record.verdict_digest:
        catalogue.notes.append(
            f"What is attested with {place.path(str(record.version))} speaks of another verdict than its record does."
        )
        return weighing.model_copy(update={"missing": "what is attested with it speaks of another verdict"})
    origin = found.provenance.origin if found.provenance else None
    return weighing.model_copy(
        update={
            "weighed_at": found.weighed_at,
            "commit": origin.commit if origin else "",
            "provenance": found.provenance,
            "attested": True,
            "missing": "" if found.provenance else "the step that weighed it recorded nothing",
        }
    )


def _attested(place: Destination, record: ProductionRecord) -> Attested | None:
    names = {name: evidence(record.version, name) for name in ATTESTED_FILES[:1]}
    data = {name: place.read(path) for name, path in names.items()}
    files = {name: found for name, found in data.items() if found is not None}
    return attested_in(files, place.path(evidence(record.version)))
