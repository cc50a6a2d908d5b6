"""The log of requests: a sample, bounded, without personal fields, and never in the way."""

import errno
import os
import threading
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.patience import wait_until
from tests.weighbridge.serving.helpers import metrics, settings
from weighbridge.common.errors import UsageError
from weighbridge.serving import request_log
from weighbridge.serving.request_log import Entry, RequestLog
from weighbridge.serving.rows import from_instances

ROWS = [{"name": "Ada", "mail": "ada@example.org", "miles": 1.5, "stops": [1, 2]}, {"miles": 2.5}]


def entry(rows=ROWS, version="7"):
    outputs = {"p": np.arange(len(rows)) / 10, "items": np.array([[b"a", b"b"]] * len(rows), object)}
    return Entry(1_700_000_000.5, "ada@example.org", version, 0.01, from_instances(rows), outputs)


def log_of(folder, counted=None, write=None, **given):
    return RequestLog(settings(log=str(folder), **given), counted or metrics()[0], write)


def rows_in(folder):
    return [row for path in sorted(folder.glob("taxi-*.parquet")) for row in pq.read_table(path).to_pylist()]


def dropped(registry, reason):
    return registry.get_sample_value("weighbridge_log_dropped_total", {"model": "taxi", "reason": reason}) or 0


def test_by_default_no_feature_is_logged_nor_what_the_sender_calls_the_request(tmp_path):
    log = log_of(tmp_path / "log")
    log.note(entry())
    log.close()
    rows = rows_in(tmp_path / "log")
    assert [sorted(row) for row in rows] == [
        ["prediction.items", "prediction.p", "row", "seconds", "time", "version"]
    ] * 2
    assert [(row["version"], row["row"], row["prediction.p"], row["prediction.items"]) for row in rows] == [
        (7, 0, 0.0, ["a", "b"]),
        (7, 1, 0.1, ["a", "b"]),
    ]
    assert rows[0]["time"].isoformat() == "2023-11-14T22:13:20.500000+00:00"
    [path] = (tmp_path / "log").iterdir()
    assert b"Ada" not in path.read_bytes()
    assert b"ada@" not in path.read_bytes()


def test_features_that_are_asked_for_by_name_or_pattern_are_logged_and_no_others(tmp_path):
    log = log_of(tmp_path, log_fields="mi*, stops,request_id")
    log.note(entry())
    log.close()
    first, second = rows_in(tmp_path)
    assert (first["feature.miles"], first["feature.stops"], first["request_id"]) == (1.5, [1, 2], "ada@example.org")
    assert (second["feature.miles"], second["feature.stops"]) == (2.5, None)
    assert not {"feature.name", "feature.mail"} & set(first)


def test_a_share_of_the_requests_is_logged(tmp_path):
    log = log_of(tmp_path, sample_log=0.25)
    log._random.seed(1)
    for _ in range(1000):
        log.note(entry(ROWS[:1]))
    log.close()
    assert 180 <= len(rows_in(tmp_path)) <= 320  # 250 ± 5 standard deviations


def test_files_are_closed_by_rows_and_by_time(tmp_path):
    log = log_of(tmp_path, log_file_rows=4, log_seconds=0.2)
    for _ in range(4):
        log.note(entry())
    wait_until(lambda: len(list(tmp_path.glob("taxi-*.parquet"))) == 2, "two files of four rows")
    log.note(entry())
    wait_until(lambda: len(rows_in(tmp_path)) == 10, "a file that is not full")
    log.close()


def test_all_files_together_stay_within_the_limit_and_the_oldest_go_first(tmp_path):
    counted, registry = metrics()

    def large(table, path):
        path.write_bytes(table.column("version")[0].as_py().to_bytes(1) * (400 << 10))

    log = log_of(tmp_path, counted, large, log_bytes=1 << 20, log_file_rows=1)
    for version in range(1, 8):
        log.note(entry(ROWS[:1], str(version)))
    log.close()
    files = sorted(tmp_path.glob("taxi-*.parquet"))
    assert sum(path.stat().st_size for path in files) <= 1 << 20
    assert [path.read_bytes()[0] for path in files] == [6, 7]
    assert registry.get_sample_value("weighbridge_log_rows_total", {"model": "taxi"}) == 7


def test_files_of_others_are_left_alone(tmp_path):
    (tmp_path / "mine.parquet").write_bytes(b"x" * (2 << 20))
    log = log_of(tmp_path, log_bytes=1 << 20)
    log.note(entry())
    log.close()
    assert (tmp_path / "mine.parquet").exists()


def test_a_full_disk_is_survived_counted_and_told_once(tmp_path, caplog):
    counted, registry = metrics()
    full = threading.Event()
    full.set()

    def write(table, path):
        if full.is_set():
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        request_log._write_parquet(table, path)

    log = log_of(tmp_path, counted, write, log_file_rows=2)
    for number in range(1, 4):
        log.note(entry())
        wait_until(lambda wanted=2 * number: dropped(registry, "disk") == wanted, "what was dropped")
    assert list(tmp_path.iterdir()) == []  # no half file is left
    full.clear()
    log.note(entry())
    log.close()
    assert len(rows_in(tmp_path)) == 2
    assert caplog.text.count("No space left on device") == 1
    assert "are logged to" in caplog.text


def test_a_disk_that_hangs_blocks_no_request_and_costs_no_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(request_log, "_WAITING", 10)
    counted, registry = metrics()
    hangs = threading.Event()
    log = log_of(tmp_path, counted, lambda table, path: hangs.wait(30) and path.write_bytes(b""), log_file_rows=1)
    began = time.monotonic()
    for _ in range(1000):
        log.note(entry(ROWS[:1]))
    assert time.monotonic() - began < 10  # the disk would have taken 30 s for the first alone
    assert dropped(registry, "queue") >= 980
    hangs.set()
    log.close()


def test_what_waits_is_bounded_by_bytes_and_holds_nothing_that_is_not_logged(tmp_path, monkeypatch):
    counted, registry = metrics()
    hangs = threading.Event()
    log = log_of(tmp_path, counted, lambda table, path: hangs.wait(30), log_file_rows=1, log_fields="miles")
    log.note(entry(ROWS[:1]))
    wait_until(lambda: log._queue.empty(), "the writer, which hangs from now on")
    long = [{"miles": 1.5, "name": "x" * 1000}] * 5000
    log.note(entry(long))
    waiting = log._queue.queue[0]
    assert {name: len(values) for name, values in waiting.rows.columns.items()} == {"miles": 100}
    assert waiting.rows.count == 100
    for values in waiting.outputs.values():
        assert len(values) == 100
        assert values.base is None  # no view, which would keep all rows
    monkeypatch.setattr(request_log, "_WAITING_BYTES", 50_000)
    for _ in range(20):
        log.note(entry(long))
    assert 1 <= log._queue.qsize() <= 4
    assert dropped(registry, "queue") == 100 * (21 - log._queue.qsize())
    hangs.set()
    log.close()
    assert log._waiting_bytes == 0


def test_the_logs_of_a_model_whose_name_begins_alike_are_left_alone(tmp_path):
    others = [
        tmp_path / f"taxi-fares-20231114T221320-{os.getpid()}-000001.parquet",
        tmp_path / "taxi-20231114.parquet",
        tmp_path / f".staged-taxi-fares-20231114T221320-{os.getpid()}-000001.parquet",
    ]
    ours = [tmp_path / "taxi-20231114T221320-17-000001.parquet"]
    ours.append(tmp_path / f".staged-taxi-20231114T221320-{os.getpid()}-000001.parquet")
    for path in (*others, *ours):
        path.write_bytes(b"x" * (2 << 20))
    log = log_of(tmp_path, log_bytes=1 << 20)
    log.note(entry())
    log.close()
    assert [path.exists() for path in others] == [True] * 3
    assert [path.exists() for path in ours] == [False] * 2


def test_values_of_several_kinds_in_a_column_become_text(tmp_path):
    log = log_of(tmp_path, log_fields="*")
    log.note(entry([{"a": 1}, {"a": "x"}, {"a": [1, 2]}, {"a": {"b64": "eA=="}}]))
    log.close()
    assert [row["feature.a"] for row in rows_in(tmp_path)] == ["1", '"x"', "[1, 2]", '{"b64": "eA=="}']


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_served(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--log"):
        log_of(tmp_path / "file/log")
