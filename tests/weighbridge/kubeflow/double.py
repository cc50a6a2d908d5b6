"""A double of a Kubeflow Pipelines server: NOT the real one.

It answers, over real HTTP on a free loopback port, what a server of one of two kinds answers at the address of its UI:

- `2.17`, with ML Metadata: the v2beta1 REST API, the UI's artifact proxy and pod logs, and the metadata store's
  gRPC-Web. The shapes are those of recorded answers: snake_case fields, ids and times as the gateway writes them, task
  details without errors, pods and outputs, errors as `{"error", "code", "message", "details"}`, the UI's own errors as
  sentences that Express calls `text/html`. A description longer than the database's column is refused with status 500
  after the workflow has been started, as the server does.
- `main`, what comes after 2.17, without ML Metadata: tasks and artifacts of its own. No such server was recorded: the
  shapes follow the sources of kubeflow/pipelines, see `task_shapes.py` for which. What these leave as it was,
  submitting, schedules and the artifact proxy, is answered as recorded. With `older_apis=False`, as in later sources
  (`backend/src/apiserver/main.go`, `buildHTTPRouter`), it has no `apis/v1beta1`, and logs at `apis/v2beta1`.

With `has_store=False` it answers what the API server alone does, its log endpoint included.
"""

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from tests.weighbridge.kubeflow.double_state import Double, Script
from tests.weighbridge.kubeflow.shapes import BUCKET, WORKFLOW, details, metadata, now, workflow
from tests.weighbridge.kubeflow.task_shapes import listed_tasks

COLUMN = 255
USER_HEADER = "kubeflow-userid"
EXPRESS = "text/html; charset=utf-8"


class _Handler(BaseHTTPRequestHandler):
    double: Double
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # head and body in one packet: else every answer waits 40 ms for an acknowledgement

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, verb: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), {key: values[0] for key, values in parse_qs(parts.query).items()}
        double = self.double
        double.requests.append((verb, path, dict(self.headers)))
        if double.failures:
            status, data = double.failures.pop(0)
            return self._send(status, data, "text/html" if data.startswith(b"<") else "application/json")
        if double.page:
            return self._send(200, b"<!DOCTYPE html><title>Sign in</title>", "text/html; charset=utf-8")
        if double.token and self.headers.get("Authorization") != f"Bearer {double.token}":
            return self._error(401, 16, f"Request header error: {self.headers.get('Authorization')} is not valid")
        if path.startswith("/ml_metadata.") and double.has_store:
            if double.kind == "main":
                page = f"<!DOCTYPE html>\n<html><body><pre>Cannot {verb} {path}</pre></body></html>"
                return self._send(404, page.encode(), EXPRESS)
            run_id, script = next(reversed(double.scripts.items()))
            known = "another run" if double.forgotten else run_id
            answer = metadata(
                known, script.now()[1], path.rpartition("/")[2], body, double.properties, double.addresses
            )
            return self._send(200, answer, "application/grpc-web+proto")
        if not path.startswith(double.prefix):
            return self._send(404, b"", "text/plain")
        path = path.removeprefix(double.prefix)
        if path in ("/artifacts/get", "/k8s/pod/logs", "/k8s/pod/events") and double.has_store:
            return self._ui(path, query)
        if double.user and self.headers.get(USER_HEADER) != double.user:
            return self._error(401, 16, "Request header error: there is no user identity header.")
        served = double.older_apis or not path.startswith(("/apis/v1beta1/", "/apis/v1alpha1/"))
        if double.has_store and (not served or path.startswith("/apis/v1alpha1/")):
            page = f"<!DOCTYPE html>\n<html><body><pre>Cannot GET {path}</pre></body></html>"
            return self._send(404, page.encode(), EXPRESS)
        version = "v1alpha1" if double.older_apis else "v2beta1"
        if match := re.fullmatch(rf"/apis/{version}/runs/([^/]+)/nodes/([^/]+)/log", path):
            text = double.logs.get(match[2])
            if text is None:
                return self._send(500, b'{"error_message":"pod not found"}', "application/json")
            return self._send(200, text.encode(), "text/plain")
        if double.older_apis and (match := re.fullmatch(r"/apis/v1beta1/runs/([^/]+)", path)):
            manifest = json.dumps(workflow(double.waiting))
            runtime = {"pipeline_manifest": "", "workflow_manifest": manifest}
            return self._json({"run": {"id": match[1]}, "pipeline_runtime": runtime})
        if path == "/apis/v2beta1/healthz":
            return self._json({"multi_user": double.multi_user})
        if not path.startswith("/apis/v2beta1/"):
            return self._send(404, b"404 page not found\n", "text/plain")
        return self._rest(verb, path.removeprefix("/apis/v2beta1"), query, body)

    def _ui(self, path: str, query: dict[str, str]) -> None:
        """What the UI's own server answers."""
        double = self.double
        if double.multi_user and not (double.user and self.headers.get(USER_HEADER) == double.user):
            return self._send(401, b"Authentication required for artifact access", EXPRESS)
        if double.multi_user and not double.viewer:
            sentence = "User is not authorized to GET VIEWERS in namespace team: PermissionDenied"
            return self._send(403, sentence.encode(), EXPRESS)
        if any(f"/{key}/" in query.get("key", "") for key in double.denied):
            return self._send(403, b"Forbidden", EXPRESS)
        if path == "/k8s/pod/events":
            listed = {"apiVersion": "v1", "items": double.events.get(query["podname"], []), "kind": "EventList"}
            return self._send(200, json.dumps(listed).encode(), EXPRESS)
        if path == "/k8s/pod/logs":
            text = double.logs.get(query["podname"])
            if text is None:
                return self._send(500, b"Could not get main container logs: Error: Unable to find pod info", EXPRESS)
            return self._send(200, text.encode(), "text/plain")
        data = double.objects.get(query["key"]) if query["bucket"] == BUCKET else None
        if data is not None:
            return self._send(200, data, "application/octet-stream")
        if double.proxy == "2.17":
            return self._send(404, f"No objects found at {query['bucket']}/{query['key']}".encode(), EXPRESS)
        return self._send(500, b"Failed to get object in bucket: S3Error: The specified key does not exist.", EXPRESS)

    def _rest(self, verb: str, path: str, query: dict[str, str], body: bytes) -> None:
        double = self.double
        number = len(double.requests)
        if (verb, path) == ("POST", "/pipelines/upload_version"):
            content = body[body.index(b"\r\n\r\n") + 4 : body.rindex(b"\r\n--")]
            version = {
                "pipeline_id": query["pipelineid"],
                "pipeline_version_id": f"version-{number}",
                "display_name": query["name"],
                "created_at": now(),
            }
            double.versions[version["pipeline_version_id"]] = version
            double.packages[query["name"]] = content
            return self._json(version)
        sent = json.loads(body) if body else {}
        if match := re.fullmatch(r"/pipelines/([^/]+)/versions/([^/]+)", path):
            version = double.versions.get(match[2])
            if version is None:
                return self._error(404, 5, f"Failed to get version: ResourceNotFoundError: {match[2]} not found")
            first, *platform = yaml.safe_load_all(double.packages[version["display_name"]])
            spec = {"pipeline_spec": first, "platform_spec": platform[0]} if platform else first
            return self._json(version | {"pipeline_spec": spec})
        if match := re.fullmatch(r"/pipelines/([^/]+)/versions", path):
            listed = [item for item in double.versions.values() if item["pipeline_id"] == match[1]]
            return self._list("pipeline_versions", listed, query)
        kinds = {
            "pipelines": (double.pipelines, "pipeline_id"),
            "experiments": (double.experiments, "experiment_id"),
            "runs": (double.runs, "run_id"),
            "recurringruns": (double.recurring, "recurring_run_id"),
        }
        kind, _, rest = path.removeprefix("/").partition("/")
        items, id_name = kinds[kind]
        if not rest and verb == "GET":
            return self._list("recurringRuns" if kind == "recurringruns" else kind, list(items.values()), query)
        if not rest and verb == "POST":
            new = sent | {id_name: f"{kind}-{number:04d}", "created_at": now(number)}
            if kind in ("runs", "recurringruns") and len(sent.get("description", "")) > COLUMN:
                double.orphans.append(new)
                failed = f"Failed to store run {WORKFLOW} to table: Error 1406 (22001): Data too long for column"
                message = f"Failed to create a new run: Failed to create a run: InternalServerError: {failed}"
                return self._error(500, 13, f"{message} 'Description' at row 1")
            if kind == "runs":
                new |= {"storage_state": "AVAILABLE", "state": "PENDING"}
                double.scripts[new["run_id"]] = double.next_script()
            if kind == "recurringruns":
                new |= {"status": "ENABLED" if sent["mode"] == "ENABLE" else "DISABLED"}
            items[new[id_name]] = new
            if double.lost_answers and kind in ("runs", "recurringruns"):
                double.lost_answers -= 1
                return self._error(500, 13, "Failed to set last run timestamp on experiment")
            return self._json(new)
        if match := re.fullmatch(r"([^/]+)/tasks", rest):
            return self._tasks(match[1], query)
        name, _, action = rest.partition(":")
        if name not in items:
            return self._error(404, 5, f"Failed to get {kind}: ResourceNotFoundError: {name} not found")
        if action == "terminate":
            # Without ML Metadata nobody tells how a step ended that was killed.
            left = "FAILED" if double.kind == "2.17" else "RUNNING"
            double.scripts[name] = Script([("FAILED", {"ExampleGen": left})])
            items[name]["state_history"] = [
                {"state": "PENDING", "update_time": now()},
                {"state": "CANCELING", "update_time": now(1)},
                {"state": "FAILED", "update_time": now(2)},
            ]
            return self._json({})
        if action in ("enable", "disable"):
            items[name]["status"] = f"{action.upper()}D"
            return self._json({})
        if verb == "DELETE":
            del items[name]
            return self._json({})
        if kind == "runs":
            return self._json(self._look(name))
        return self._json(items[name])

    def _look(self, run_id: str) -> dict[str, Any]:
        double, script = self.double, self.double.scripts[run_id]
        run = double.runs[run_id]
        state, tasks = script.now()
        double.shown[run_id] = tasks
        script.looks += 1
        if script.archived_at is not None and script.looks > script.archived_at:
            run["storage_state"] = "ARCHIVED"
        run["state"] = state
        if double.kind == "2.17":
            run["run_details"] = {"task_details": details(run_id, tasks, double.task_errors)}
        elif tasks:
            run["task_count"] = len(tasks) + 1
        if script.deleted_at is not None and script.looks >= script.deleted_at:
            del double.runs[run_id]
        return run

    def _tasks(self, run_id: str, query: dict[str, str]) -> None:
        double = self.double
        if double.kind == "2.17":  # the gateway, of an address that it does not have
            self._send(404, b'{"code":5,"message":"Not Found","details":[]}', "application/json")
            return
        if run_id not in double.runs:
            self._error(404, 5, f"Failed to authorize task listing: ResourceNotFoundError: Run {run_id} not found.")
            return
        states = {} if double.forgotten else double.shown.get(run_id, {})
        listed = listed_tasks(run_id, states, double.properties, double.addresses, double.task_errors)
        self._list("tasks", listed, query)

    def _list(self, key: str, items: list[dict[str, Any]], query: dict[str, str]) -> None:
        if "filter" in query:
            for predicate in json.loads(query["filter"])["predicates"]:
                assert predicate["operation"] == "EQUALS"
                items = [item for item in items if item.get(predicate["key"]) == predicate["stringValue"]]
        # Pages of two, whatever is asked for: so paging is always tried.
        start = int(query.get("page_token") or 0)
        following = {"next_page_token": str(start + 2)} if len(items) > start + 2 else {}
        for item in items[start : start + 2]:
            if key == "runs":
                self._look(item["run_id"])
        self._json({key: items[start : start + 2], "total_size": len(items), **following} if items else {})

    def _error(self, status: int, code: int, message: str) -> None:
        answer: dict[str, Any] = {"code": code, "message": message, "details": []}
        answer |= {"error": message} if self.double.kind == "2.17" else {}
        self._send(status, json.dumps(answer).encode(), "application/json")

    def _json(self, answer: dict[str, Any]) -> None:
        self._send(200, json.dumps(answer).encode(), "application/json")

    def _send(self, status: int, data: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def serve(kind: str = "2.17") -> tuple[Double, Callable[[], None]]:
    """Start a double; returns it and what stops it."""
    double = Double(kind=kind)
    handler = type("Handler", (_Handler,), {"double": double})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}"

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return double, stop
