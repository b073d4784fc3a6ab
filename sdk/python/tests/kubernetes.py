"""A Kubernetes API that keeps pods and Secrets in memory."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs


def token(pod: str = "notebook", uid: str = "u-1") -> str:
    claims = {"kubernetes.io": {"namespace": "team-a", "pod": {"name": pod, "uid": uid}}}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.sig"


class FakeKubernetes:
    """`status` is what a pod that was made has; `refusal` answers the making of pods."""

    def __init__(self, folder: Path) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.status: dict[str, Any] = {
            "phase": "Running",
            "podIP": "10.0.0.7",
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        #: A part of paths that may not be changed.
        self.forbidden: str | None = None
        self.refusal: tuple[int, str] | None = None
        (folder / "token").write_text(token())
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, status: int, body: object) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if fake.refusal is not None and self.path.endswith("/pods"):
                    return self.answer(fake.refusal[0], {"message": fake.refusal[1]})
                fake.objects[f"{self.path}/{body['metadata']['name']}"] = body
                self.answer(201, body)

            def do_PATCH(self) -> None:
                path = self.path.partition("?")[0]
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if fake.forbidden is not None and fake.forbidden in path:
                    return self.answer(403, {"message": "not allowed"})
                if self.headers["Content-Type"] == "application/apply-patch+yaml":
                    fake.objects[path] = body
                else:
                    there = fake.objects[path].setdefault("data", {})
                    for key, value in body["data"].items():
                        there.pop(key, None) if value is None else there.update({key: value})
                self.answer(200, fake.objects[path])

            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                if query.startswith("labelSelector"):
                    wanted = dict(each.split("=", 1) for each in parse_qs(query)["labelSelector"][0].split(","))
                    items = [
                        each
                        for key, each in fake.objects.items()
                        if key.startswith(f"{path}/")
                        and wanted.items() <= each["metadata"].get("labels", {}).items()
                    ]
                    return self.answer(200, {"items": items})
                if path.endswith("/log"):
                    return self.answer(200, "last words")
                found = fake.objects.get(path)
                self.answer(404, {"message": "not found"}) if found is None else self.answer(
                    200, {"status": fake.status, **found}
                )

            def do_DELETE(self) -> None:
                gone = fake.objects.pop(self.path, None)
                self.answer(404 if gone is None else 200, {"message": "not found"})

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each for path, each in self.objects.items() if f"/{kind}/" in path]
