from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import tests  # noqa: F401, puts the package's sources on the path

import plinth
from plinth import _http
from plinth._models import request_body

answered = {
    "model_version": "3",
    "outputs": [{"name": "predict", "shape": [2, 1], "datatype": "FP64", "data": [0.25, 0.75]}],
}


class Platform(BaseHTTPRequestHandler):
    """Issuer, inference gateway and prediction log; each answer in `answers` is given once, then 200."""

    answers: list[tuple[int, dict[str, str], Any]] = []
    seen: list[tuple[str, str, str | None, Any]] = []
    tokens = 0
    content: Any = answered

    def _reply(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _answer(self) -> None:
        own = type(self)
        length = int(self.headers.get("content-length") or 0)
        text = self.rfile.read(length).decode()
        if self.path.startswith("/issuer"):
            own.tokens += 1
            url = f"http://127.0.0.1:{self.server.server_address[1]}/issuer/token"
            return self._reply(
                200, {"token_endpoint": url, "access_token": f"token-{own.tokens}", "expires_in": 60}
            )
        own.seen.append(
            (self.command, self.path, self.headers.get("authorization"), json.loads(text) if text else None)
        )
        status, headers, content = own.answers.pop(0) if own.answers else (200, {}, own.content)
        self._reply(
            status, content, {"X-Request-Id": self.headers.get("X-Request-Id") or "made", **headers}
        )

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, *_: object) -> None:
        pass


class ModelsTest(unittest.TestCase):
    def setUp(self) -> None:
        class Own(Platform):
            answers = []
            seen = []

        self.own = Own
        server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        url = f"http://127.0.0.1:{server.server_address[1]}"
        for name, text in {"issuer": f"{url}/issuer", "clientId": "team-a", "clientSecret": "s"}.items():
            (Path(folder.name) / name).write_text(text)
        environment = {
            "PLINTH_MODELS_URL": url,
            "PLINTH_PREDICTIONS_URL": url,
            "PLINTH_OIDC_FOLDER": folder.name,
            "PLINTH_TEAM": "team-a",
            "MLFLOW_TRACKING_URI": "http://mlflow:5000",
        }
        for patch in (mock.patch.dict(os.environ, environment), mock.patch.object(_http, "time", mock.MagicMock(sleep=lambda _: None))):
            patch.start()
            self.addCleanup(patch.stop)

    def test_a_prediction_has_its_values_and_what_labels_are_joined_by(self) -> None:
        found = plinth.predict("delays", {"distance": [500.0, None], "carrier": ["AA", "DL"]}, request_id="r-1")
        self.assertEqual((found.values, found.version, found.request_id), ([0.25, 0.75], "3", "r-1"))
        method, path, token, body = self.own.seen[0]
        self.assertEqual((method, path), ("POST", "/v2/models/delays/infer"))
        self.assertRegex(token or "", "^Bearer token-")
        self.assertEqual(
            [(each["name"], each["datatype"], each["data"]) for each in body["inputs"]],
            [("distance", "FP64", [500.0, None]), ("carrier", "BYTES", ["AA", "DL"])],
        )

    def test_one_version_may_be_asked(self) -> None:
        plinth.predict("delays", [[1.0, 2.0]], version=4)
        self.assertEqual(self.own.seen[0][1], "/v2/models/delays/versions/4/infer")
        tensor = {"name": "input", "shape": [1, 2], "datatype": "FP64", "data": [1.0, 2.0]}
        self.assertEqual(self.own.seen[0][3], {"inputs": [tensor]})

    def test_rows_of_an_output_with_several_values_are_lists(self) -> None:
        tensor = {"name": "p", "shape": [2, 2], "datatype": "FP64", "data": [0.25, 0.75, 1.0, 0.0]}
        self.own.content = {"outputs": [tensor]}
        self.assertEqual(plinth.predict("delays", [[1.0]]).values, [[0.25, 0.75], [1.0, 0.0]])

    def test_calls_one_after_another_bring_one_token(self) -> None:
        plinth.predict("delays", [[1.0]])
        asked = self.own.tokens
        plinth.predict("delays", [[1.0]])
        self.own.content = {"joined": 1}
        plinth.feedback("delays", {"r-1": True})
        self.assertEqual(len({token for _, _, token, _ in self.own.seen}), 1)
        self.assertEqual(self.own.tokens, asked)

    def test_a_busy_gateway_is_asked_again_and_a_refused_token_replaced(self) -> None:
        self.own.answers[:] = [(503, {"Retry-After": "1"}, {"error": "too many"}), (401, {}, {"error": "expired"})]
        plinth.predict("delays", [[1.0]])
        tokens = [token for _, _, token, _ in self.own.seen]
        self.assertEqual(len(tokens), 3)
        self.assertNotEqual(tokens[1], tokens[2])

    def test_a_refusal_says_who_refuses_and_what_would_help(self) -> None:
        self.own.answers[:] = [(404, {}, {"error": "no model delay"})]
        with self.assertRaisesRegex(plinth.ServiceError, r"answers 404: no model delay\. Check the name") as caught:
            plinth.predict("delay", [[1.0]])
        self.assertEqual(caught.exception.status, 404)

    def test_a_gateway_that_is_away_is_said_to_be(self) -> None:
        with mock.patch.dict(os.environ, {"PLINTH_MODELS_URL": "http://127.0.0.1:9"}):
            with self.assertRaisesRegex(plinth.PlinthError, "http://127.0.0.1:9 doesn't answer"):
                plinth.predict("delays", [[1.0]])

    def test_an_answer_leads_nowhere_else_with_the_token(self) -> None:
        for status in (301, 302, 303, 307, 308):
            self.own.answers[:] = [(status, {"Location": "/elsewhere"}, None)]
            with self.assertRaisesRegex(plinth.ServiceError, f"answers {status}") as caught:
                plinth.predict("delays", [[1.0]])
            self.assertEqual(caught.exception.status, status)
        self.assertEqual({path for _, path, _, _ in self.own.seen}, {"/v2/models/delays/infer"})

    def test_what_is_missing_around_it_is_named(self) -> None:
        with mock.patch.dict(os.environ, {"PLINTH_MODELS_URL": ""}):
            with self.assertRaisesRegex(plinth.PlinthError, "environment variable PLINTH_MODELS_URL"):
                plinth.predict("delays", [[1.0]])
        with mock.patch.dict(os.environ, {"PLINTH_OIDC_FOLDER": "/nowhere"}):
            with self.assertRaisesRegex(plinth.PlinthError, "team's credentials in /nowhere"):
                plinth.predict("delays", [[1.0]])

    def test_feedback_is_sent_in_parts_and_says_how_much_was_joined(self) -> None:
        self.own.content = {"accepted": 2, "joined": 2}
        told: dict[str, Any] = {f"r-{number}": number % 2 == 0 for number in range(1500)}
        self.assertEqual(plinth.feedback("delays", told), 4)
        bodies = [body for _, _, _, body in self.own.seen]
        self.assertEqual([len(body["labels"]) for body in bodies], [1000, 500])
        self.assertEqual((bodies[0]["team"], bodies[0]["model"], bodies[0]["labels"]["r-0"]), ("team-a", "delays", [True]))

    def test_feedback_of_many_rows_is_cut_by_its_size(self) -> None:
        self.own.content = {"accepted": 1, "joined": 1}
        plinth.feedback("delays", {f"r-{number}": ["x" * 500] * 400 for number in range(9)})
        bodies = [body for _, _, _, body in self.own.seen]
        self.assertEqual([len(body["labels"]) for body in bodies], [4, 4, 1])
        self.assertLess(max(len(json.dumps(body)) for body in bodies), 1 << 20)

    def test_labels_that_mean_nothing_are_refused_before_they_are_sent(self) -> None:
        with self.assertRaisesRegex(plinth.PlinthError, "labels is empty"):
            plinth.feedback("delays", {})
        with self.assertRaisesRegex(plinth.PlinthError, "a label is dict"):
            plinth.feedback("delays", {"r": {}})
        self.assertEqual(self.own.seen, [])

    def test_a_version_is_put_into_service_with_its_baseline(self) -> None:
        mlflow = mock.MagicMock()
        client = mlflow.MlflowClient.return_value
        client.get_model_version.return_value.run_id = "run-1"
        client.list_artifacts.return_value = [mock.MagicMock(path="plinth/baseline.json")]
        mlflow.artifacts.load_text.return_value = '{"format": 1}'
        with mock.patch.dict(sys.modules, {"mlflow": mlflow}):
            plinth.deploy("delays", 3, wait_seconds=5)
        client.set_registered_model_alias.assert_called_once_with("delays", "champion", "3")
        self.assertEqual(
            [(method, path) for method, path, _, _ in self.own.seen],
            [
                ("PUT", "/teams/team-a/models/delays/versions/3/baseline"),
                ("GET", "/v2/models/delays/versions/3/ready"),
            ],
        )

    def test_a_version_that_does_not_come_is_told(self) -> None:
        mlflow = mock.MagicMock()
        mlflow.MlflowClient.return_value.list_artifacts.return_value = []
        self.own.answers[:] = [(404, {}, {"error": "no version"})] * 50
        with mock.patch.dict(sys.modules, {"mlflow": mlflow}):
            with self.assertRaisesRegex(plinth.PlinthError, "version 3 of delays doesn't answer after 0.001 s.*tags"):
                plinth.deploy("delays", 3, wait_seconds=0.001)

    def test_a_version_that_is_not_registered_is_told(self) -> None:
        missing = RuntimeError("not found")
        missing.error_code = "RESOURCE_DOES_NOT_EXIST"  # type: ignore[attr-defined]
        mlflow = mock.MagicMock()
        mlflow.MlflowClient.return_value.get_model_version.side_effect = missing
        with mock.patch.dict(sys.modules, {"mlflow": mlflow}):
            with self.assertRaisesRegex(plinth.PlinthError, "no version 9 of a registered model 'delays'. Register it"):
                plinth.deploy("delays", 9)


class RequestTest(unittest.TestCase):
    def test_columns_have_the_type_of_their_values(self) -> None:
        body = request_body({"a": [1, 2], "b": [1, None], "c": [True, False], "d": ["x", None], "e": [1.5, 2]})
        self.assertEqual(
            [each["datatype"] for each in body["inputs"]], ["INT64", "FP64", "BOOL", "BYTES", "FP64"]
        )
        self.assertEqual(body["parameters"], {"content_type": "pd"})

    def test_infinity_is_refused_by_its_column(self) -> None:
        with self.assertRaisesRegex(plinth.PlinthError, "column 'a' has infinite values"):
            request_body({"a": [float("inf")]})


class ImportTest(unittest.TestCase):
    def test_importing_plinth_brings_none_of_the_big_packages(self) -> None:
        code = (
            "import sys, plinth; "
            "print([each for each in ('mlflow', 'pandas', 'numpy', 'boto3', 'pyspark') if each in sys.modules])"
        )
        source = str(Path(__file__).parents[1] / "src")
        done = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONPATH": source}, capture_output=True, text=True, check=True
        )
        self.assertEqual(done.stdout.strip(), "[]")


if __name__ == "__main__":
    unittest.main()
