"""The report, and the trend, in a real Chromium, under the Content-Security-Policy that Jenkins serves it with."""

import functools
import http.server
import shutil
import subprocess
import threading

import pytest

from tests.patience import PATIENCE_S
from tests.weighbridge.report import sample
from tests.weighbridge.runs.histories import history
from weighbridge.report import write_reports
from weighbridge.runs.trend import write_trend

POLICY = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


class Jenkins(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture
def served(request, tmp_path):
    if request.param == "trend":
        write_trend(history(tmp_path / "work"), tmp_path / "run/page.html")
    else:
        write_reports(tmp_path / "run", sample.RUNS[request.param](tmp_path))
        (tmp_path / "run/report.html").rename(tmp_path / "run/page.html")
    handler = functools.partial(Jenkins, directory=str(tmp_path / "run"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/page.html"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("served", "texts", "charts"),
    [
        ("refused", ("REFUSED", "quality.auc.min_change", "false positive rate"), 40),
        ("ranked", ("REFUSED", "quality.country=Germany.ndcg@20.min", "Coverage of the catalogue", "items_100x"), 30),
        ("undecided", ("undecided", "Refuses equal", "interval -0.044 to 0.000, allowed"), 5),
        ("trend", ("8 passed, 3 refused, 1 failed", "allowed ≥ 0.935", "Gates that refused most runs"), 20),
    ],
    indirect=["served"],
)
def test_a_browser_under_the_policy_shows_it_all(served, texts, charts, tmp_path):
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr"]
    options += ["--disable-sync", "--disable-background-networking", "--disable-component-update"]
    options += [f"--user-data-dir={tmp_path / 'user'}"]
    done = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", served], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    dom = done.stdout
    assert [text for text in texts if text not in dom] == []
    assert dom.count("<svg") > charts
    # The style sheet is all that the policy may hold against the page.
    violations = [line for line in done.stderr.splitlines() if "Content Security Policy" in line]
    assert violations, "the policy was not in force"
    assert not [line for line in violations if "script" in line.lower() or "style attribute" in line.lower()]
