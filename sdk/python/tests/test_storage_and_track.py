from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from types import ModuleType
from unittest import mock

import tests  # noqa: F401, puts the package's sources on the path

import plinth
from plinth import _track

environment = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_ENDPOINT_URL_S3": "http://store:8333",
    "PLINTH_BUCKET": "team-a",
    "MLFLOW_TRACKING_URI": "http://mlflow:5000",
}


class StorageTest(unittest.TestCase):
    def test_is_the_teams_bucket(self) -> None:
        with mock.patch.dict(os.environ, environment):
            files = plinth.storage()
        self.assertEqual(files.path("raw/a.csv"), "s3://team-a/raw/a.csv")
        self.assertEqual(files.spark_path("/raw"), "s3a://team-a/raw")
        self.assertEqual(files.options, {"client_kwargs": {"endpoint_url": "http://store:8333"}})

    def test_a_variable_that_is_missing_is_named(self) -> None:
        for name in ("AWS_SECRET_ACCESS_KEY", "PLINTH_BUCKET"):
            with mock.patch.dict(os.environ, {**environment, name: ""}):
                with self.assertRaisesRegex(plinth.PlinthError, f"environment variable {name}"):
                    plinth.storage()

    def test_a_package_that_is_missing_is_named(self) -> None:
        with mock.patch.dict(os.environ, environment), mock.patch.dict(sys.modules, {"boto3": None}):
            with self.assertRaisesRegex(plinth.PlinthError, "needs the Python package 'boto3'"):
                _ = plinth.storage().client


class TrackTest(unittest.TestCase):
    def test_a_run_knows_its_commit_and_packages(self) -> None:
        mlflow = mock.MagicMock(spec=["set_experiment", "start_run", "log_text", "end_run"])
        with mock.patch.dict(os.environ, environment), mock.patch.dict(sys.modules, {"mlflow": mlflow}):
            with mock.patch.object(_track, "revision", lambda: {"mlflow.source.git.commit": "abc"}):
                run = plinth.track("flights", "first", {"stage": "test"})
        self.assertIs(run, mlflow.start_run.return_value)
        mlflow.set_experiment.assert_called_once_with("flights")
        tags = mlflow.start_run.call_args.kwargs["tags"]
        self.assertEqual((tags["mlflow.source.git.commit"], tags["stage"]), ("abc", "test"))
        text, path = mlflow.log_text.call_args.args
        self.assertEqual(path, "plinth/requirements.txt")
        self.assertRegex(text, r"(?m)^\S+==\S+$")

    def test_a_repository_tells_commit_branch_and_whether_it_was_changed(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(_track.revision(folder), {})
            identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
            for command in (["init", "-q", "-b", "main"], [*identity, "commit", "-q", "--allow-empty", "-m", "first"]):
                subprocess.run(["git", "-C", folder, *command], check=True)
            found = _track.revision(folder)
        self.assertRegex(found["mlflow.source.git.commit"], "^[0-9a-f]{40}$")
        self.assertEqual((found["mlflow.source.git.branch"], found["plinth.git.dirty"]), ("main", "false"))

    def test_what_could_not_be_recorded_fails_the_run(self) -> None:
        mlflow = mock.MagicMock(spec=ModuleType("mlflow"))
        mlflow.log_text = mock.MagicMock(side_effect=OSError("no way"))
        mlflow.set_experiment = mlflow.start_run = mlflow.end_run = mock.MagicMock()
        with mock.patch.dict(os.environ, environment), mock.patch.dict(sys.modules, {"mlflow": mlflow}):
            with self.assertRaisesRegex(OSError, "no way"):
                plinth.track("flights")
        mlflow.end_run.assert_called_with(status="FAILED")
