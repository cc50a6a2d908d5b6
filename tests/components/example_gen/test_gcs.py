"""Reading from Google Cloud Storage. The store is an emulator on loopback: named as a substitute for the real one."""

import socket

import pytest

from tests.components.example_gen.helpers import one_split, rows, write
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.resolve import input_digest, resolve
from weighbridge.storage import gcs


@pytest.fixture(scope="module")
def bucket():
    """A bucket in a running emulator; objects are made through the client that the component uses."""
    from gcp_storage_emulator.server import create_server

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket="trips")
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        gcs.client.cache_clear()
        yield gcs.client().bucket("trips")
        gcs.client.cache_clear()
    server.stop()


def put(bucket, name: str, text: str) -> None:
    bucket.blob(name).upload_from_string(text)


def test_objects_are_read_as_files_are(bucket, tmp_path):
    text = "id,name\n1,Anna\n2,Bert\n"
    put(bucket, "in/one.csv", text)
    there = one_split("gs://trips/in/one.csv", tmp_path / "there")
    here = one_split(write(tmp_path / "one.csv", text), tmp_path / "here")
    assert there["content_digest"] == here["content_digest"]
    assert there["files"][0]["sha256"] == here["files"][0]["sha256"]
    assert rows(tmp_path / "there") == [{"id": 1, "name": b"Anna"}, {"id": 2, "name": b"Bert"}]


def test_folders_globs_and_spans_are_listed(bucket):
    for day in ("2026-11-01", "2026-11-02"):
        put(bucket, f"days/{day}/a.csv", "x\n1\n")
        put(bucket, f"days/{day}/b.csv", "x\n2\n")
    assert len(resolve("gs://trips/days").files) == 4
    assert resolve("gs://trips/days/*/a.csv").files == (
        "gs://trips/days/2026-11-01/a.csv",
        "gs://trips/days/2026-11-02/a.csv",
    )
    latest = resolve("gs://trips/days/{YYYY}-{MM}-{DD}/*.csv")
    assert latest.files == ("gs://trips/days/2026-11-02/a.csv", "gs://trips/days/2026-11-02/b.csv")


def test_a_changed_object_changes_the_fingerprint(bucket):
    put(bucket, "changing.csv", "x\n1\n")
    before = input_digest("gs://trips/changing.csv")
    put(bucket, "changing.csv", "x\n2\n")
    assert input_digest("gs://trips/changing.csv") != before


def test_a_missing_object_is_named(bucket):
    with pytest.raises(UsageError, match=r"gs://trips/nowhere\.csv"):
        resolve("gs://trips/nowhere.csv")
