from __future__ import annotations

import json
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tests.kubernetes import FakeKubernetes

import plinth
from plinth import _spark
from plinth._kubernetes import Kubernetes

pod = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"labels": {"app.kubernetes.io/name": "spark-driver"}},
    "spec": {"containers": [{"name": "driver", "image": "spark"}]},
}


class SessionTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.fake = FakeKubernetes(self.folder)
        self.addCleanup(self.fake.close)
        (self.folder / "session.json").write_text(json.dumps({"maxSeconds": 43200, "coreMillis": 500, "pod": pod}))
        patches = [
            mock.patch.dict(os.environ, {"PLINTH_SPARK": folder.name}),
            mock.patch.object(_spark, "Kubernetes", lambda: Kubernetes(self.folder, self.fake.url)),
            mock.patch.object(_spark, "connect", mock.MagicMock()),
            mock.patch.object(_spark, "_current", None),
            mock.patch.object(_spark, "atexit"),
        ]
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)

    def test_the_drivers_pod_belongs_to_this_pod_and_has_a_limit(self) -> None:
        plinth.spark(executors=2, hours=1)
        (made,) = self.fake.of("pods")
        owner = {"apiVersion": "v1", "kind": "Pod", "name": "notebook", "uid": "u-1"}
        self.assertEqual(made["metadata"]["ownerReferences"], [owner])
        self.assertEqual(made["spec"]["activeDeadlineSeconds"], 3600)
        self.assertEqual(made["metadata"]["labels"]["app.kubernetes.io/name"], "spark-driver")
        env = {each["name"]: each.get("value") for each in made["spec"]["containers"][0]["env"]}
        self.assertEqual(env["PLINTH_EXECUTORS"], "2")

    def test_the_token_is_in_a_secret_that_goes_with_this_pod_and_not_in_the_pod(self) -> None:
        plinth.spark()
        (secret,), (made,) = self.fake.of("secrets"), self.fake.of("pods")
        self.assertEqual(secret["metadata"]["ownerReferences"][0]["uid"], "u-1")
        self.assertGreater(len(secret["stringData"]["token"]), 40)
        self.assertNotIn(secret["stringData"]["token"], json.dumps(made))

    def test_a_second_call_gives_the_same_session_until_it_is_stopped(self) -> None:
        first = plinth.spark()
        self.assertIs(plinth.spark(), first)
        first.stop()
        self.assertEqual(self.fake.objects, {})
        plinth.spark()
        self.assertEqual(len(self.fake.of("pods")), 1)

    def test_a_session_whose_driver_has_ended_or_is_gone_is_replaced(self) -> None:
        with mock.patch.object(_spark, "_fresh", 0), mock.patch.object(_spark, "connect", lambda *_: mock.MagicMock()):
            first = plinth.spark()
            self.assertIs(plinth.spark(), first)
            self.fake.of("pods")[0]["status"] = {"phase": "Failed"}
            second = plinth.spark()
            self.assertIsNot(second, first)
            self.assertEqual(len(self.fake.of("pods")), 1)
            self.fake.objects.clear()
            third = plinth.spark()
            self.assertIsNot(third, second)
            self.assertIs(plinth.spark(), third)

    def test_a_driver_that_was_just_seen_is_not_asked_for(self) -> None:
        first = plinth.spark()
        self.fake.close()
        self.assertIs(plinth.spark(), first)

    def test_a_full_quota_is_told_in_plain_words_and_leaves_nothing(self) -> None:
        self.fake.refusal = (403, 'pods "x" is forbidden: exceeded quota: team, requested: requests.cpu=1')
        with self.assertRaisesRegex(plinth.PlinthError, "quota has no room.*Stop one, or ask for less"):
            plinth.spark()
        self.assertEqual(self.fake.objects, {})

    def test_a_driver_that_ends_is_told_with_its_last_lines_and_removed(self) -> None:
        terminated = {"reason": "OOMKilled", "exitCode": 137}
        self.fake.status = {"phase": "Failed", "containerStatuses": [{"state": {"terminated": terminated}}]}
        with self.assertRaisesRegex(plinth.PlinthError, r"OOMKilled \(exit code 137\)[\s\S]*last words"):
            plinth.spark()
        self.assertEqual(self.fake.objects, {})

    def test_a_driver_without_room_on_any_node_is_told(self) -> None:
        scheduled = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: Insufficient cpu."}
        self.fake.status = {"phase": "Pending", "conditions": [scheduled]}
        with self.assertRaisesRegex(plinth.PlinthError, "no node has room for it: 0/1 nodes: Insufficient cpu"):
            plinth.spark(wait_seconds=0)

    def test_the_session_of_a_process_that_was_killed_is_ended_by_the_next(self) -> None:
        kubernetes = Kubernetes(self.folder, self.fake.url)
        killed = _spark.Session(kubernetes, kubernetes.own_pod)
        with mock.patch.object(_spark, "process_of", lambda _: "999999-1"):
            killed.start(json.loads(json.dumps(pod)), {}, 60)
        plinth.spark()
        self.assertEqual([each["metadata"]["name"] == killed.name for each in self.fake.of("pods")], [False])
        self.assertEqual(len(self.fake.of("secrets")), 1)

    def test_too_little_or_too_long_is_refused_before_anything_is_made(self) -> None:
        with self.assertRaisesRegex(plinth.PlinthError, "hours: got 24, expected more than 0 and at most 12"):
            plinth.spark(hours=24)
        with self.assertRaisesRegex(plinth.PlinthError, "memory_mib=100"):
            plinth.spark(memory_mib=100)
        self.assertEqual(self.fake.objects, {})

    def test_where_spark_is_off_that_is_said(self) -> None:
        (self.folder / "session.json").unlink()
        with self.assertRaisesRegex(plinth.PlinthError, "where Spark is switched on"):
            plinth.spark()


class ApplicationTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        spec = {"sparkConf": {"spark.ui.enabled": "true"}, "executor": {"instances": 1}}
        manifest = {"kind": "SparkApplication", "metadata": {"namespace": "team-a"}, "spec": spec}
        template = {"coreMillis": 500, "manifest": manifest}
        (Path(folder.name) / "application.json").write_text(json.dumps(template))
        patch = mock.patch.dict(os.environ, {"PLINTH_SPARK": folder.name})
        patch.start()
        self.addCleanup(patch.stop)

    def test_is_filled_in(self) -> None:
        made = plinth.spark_application(
            "flights", "s3a://team-a/jobs/main.py", ["2026"], executors=3, cores=2, memory_mib=2048, conf={"spark.x": "y"}
        )
        self.assertEqual(made["metadata"], {"namespace": "team-a", "name": "flights"})
        self.assertEqual(
            made["spec"]["executor"],
            {"instances": 3, "cores": 2, "coreRequest": "1000m", "memory": "2048m"},
        )
        self.assertEqual(made["spec"]["sparkConf"], {"spark.ui.enabled": "true", "spark.x": "y"})
        self.assertEqual(made["spec"]["arguments"], ["2026"])

    def test_a_file_that_no_executor_would_find_is_refused(self) -> None:
        with self.assertRaisesRegex(plinth.PlinthError, "main: got 'main.py', expected s3a://"):
            plinth.spark_application("flights", "main.py")
        with self.assertRaisesRegex(plinth.PlinthError, "name: got 'Flights'"):
            plinth.spark_application("Flights", "s3a://team-a/main.py")
