"""MLPerf's LoadGen sends the load: run by the Python of an environment with `mlcommons-loadgen` alone.

`loadgen_client.py URL RATE QUERIES SEED BODY FOLDER` prints the percentiles, ms, as JSON.

LoadGen draws the Poisson arrivals of its Server scenario and times each query from when it was scheduled; who asks is
whoever implements the system under test: here threads, each with a kept-alive connection of the standard library.
"""

import http.client
import json
import queue
import re
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import mlperf_loadgen

_THREADS = 64


def main(url: str, rate: float, queries: int, seed: int, body: bytes, folder: str) -> None:
    """Send the queries, and print what LoadGen says of them."""
    parts = urlsplit(url)
    waiting: queue.SimpleQueue[object] = queue.SimpleQueue()
    failed = []

    def work() -> None:
        connection = http.client.HTTPConnection(parts.hostname, parts.port)
        connection.connect()
        ready.release()
        while (sample := waiting.get()) is not None:
            try:
                connection.request("POST", parts.path or "/", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    failed.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                failed.append(str(error))
                connection.close()
            mlperf_loadgen.QuerySamplesComplete([mlperf_loadgen.QuerySampleResponse(sample, 0, 0)])

    ready = threading.Semaphore(0)
    threads = [threading.Thread(target=work, daemon=True) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()

    def issue(samples: list) -> None:
        for sample in samples:
            waiting.put(sample.id)

    settings = mlperf_loadgen.TestSettings()
    settings.scenario = mlperf_loadgen.TestScenario.Server
    settings.mode = mlperf_loadgen.TestMode.PerformanceOnly
    settings.server_target_qps = rate
    settings.server_target_latency_ns = 60_000_000_000
    settings.server_coalesce_queries = False
    settings.min_duration_ms = 0
    settings.min_query_count = queries
    settings.max_query_count = queries
    settings.schedule_rng_seed = seed
    output = mlperf_loadgen.LogOutputSettings()
    output.outdir = folder
    output.copy_summary_to_stdout = False
    logs = mlperf_loadgen.LogSettings()
    logs.log_output = output
    logs.enable_trace = False
    system = mlperf_loadgen.ConstructSUT(issue, lambda: None)
    library = mlperf_loadgen.ConstructQSL(1024, 1024, lambda _: None, lambda _: None)
    mlperf_loadgen.StartTestWithLogSettings(system, library, settings, logs, "")
    mlperf_loadgen.DestroyQSL(library)
    mlperf_loadgen.DestroySUT(system)
    for _ in threads:
        waiting.put(None)
    summary = Path(folder, "mlperf_log_summary.txt").read_text()
    found = {
        name: int(re.search(rf"^{re.escape(name)} percentile latency \(ns\)\s*:\s*(\d+)", summary, re.MULTILINE)[1])
        / 1e6
        for name in ("50.00", "95.00", "99.00", "99.90")
    }
    sys.stdout.write(json.dumps({"percentiles": found, "failed": failed[:5], "queries": queries}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5].encode(), sys.argv[6])
