"""What works off the queue of runs leaves alone what is not there any more."""

import shutil

from tests.weighbridge.tracking.ended import end_run
from weighbridge.common.errors import InfrastructureError
from weighbridge.tracking import client, sending
from weighbridge.tracking.settings import Server


def test_a_run_that_is_removed_while_it_is_sent_is_not_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    folder = end_run(tmp_path).run.folder

    def gone(where, entry, server):
        shutil.rmtree(where)
        raise InfrastructureError("the server is down", "")

    monkeypatch.setattr(client, "send", gone)
    done = sending.send_all([folder], Server("http://127.0.0.1:9"), print)
    assert [left for left, _ in done.left] == [folder]
    assert not folder.exists()
