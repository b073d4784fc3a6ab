from __future__ import annotations

import json
import os
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import tests  # noqa: F401, puts the package's sources on the path

import plinth
from plinth import _serve
from plinth._kubernetes import Kubernetes
from tests.kubernetes import FakeKubernetes

maps = "/api/v1/namespaces/team-a/configmaps"


def _metadata() -> dict[str, Any]:
    labels = {"plinth.dev/model": "{{model}}", "plinth.dev/predictor": "v{{version}}"}
    return {"name": "{{model}}-v{{version}}", "namespace": "team-a", "labels": labels}


template = [
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _metadata()["labels"]},
            "template": {"metadata": {"annotations": {"source": "models:/{{model}}/{{version}}"}}},
        },
    },
    {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(), "spec": {"ports": [{"port": 8080}]}},
    {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": _metadata(), "spec": {}},
]


class ServeTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.fake = FakeKubernetes(Path(folder.name))
        self.addCleanup(self.fake.close)
        self.fake.status = {"updatedReplicas": 1, "availableReplicas": 1}
        self.fake.objects[f"{maps}/models"] = {"data": {"predictors.json": json.dumps({"default": template})}}
        self.fake.objects[f"{maps}/model-routes"] = {}
        self.mlflow = mock.MagicMock()
        self.registry = self.mlflow.MlflowClient.return_value
        self.registry.get_registered_model.return_value.aliases = {}
        self.waited: list[float] = []
        self.served = mock.MagicMock()
        clock = mock.MagicMock(sleep=self.waited.append, monotonic=lambda: sum(self.waited))
        environment = {"PLINTH_TEAM": "team-a", "MLFLOW_TRACKING_URI": "http://mlflow:5000", "PLINTH_PREDICTIONS_URL": ""}
        for patch in (
            mock.patch.dict(os.environ, environment),
            mock.patch.dict(sys.modules, {"mlflow": self.mlflow}),
            mock.patch.object(_serve, "Kubernetes", lambda: Kubernetes(Path(folder.name), self.fake.url)),
            mock.patch.object(_serve, "time", clock),
            mock.patch.object(_serve, "wait_until_served", self.served),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    @property
    def routes(self) -> dict[str, Any]:
        data = self.fake.objects[f"{maps}/model-routes"].get("data", {})
        return {key: json.loads(text) for key, text in data.items()}

    def names(self) -> list[str]:
        kinds = ("deployments", "services", "poddisruptionbudgets")
        return sorted(each["metadata"]["name"] for kind in kinds for each in self.fake.of(kind))

    def test_a_version_runs_by_the_platforms_template_under_a_name_of_its_own(self) -> None:
        plinth.serve("delays", 3, log=0.5, redact=["passport"], outliers="far")
        self.assertEqual(self.names(), ["delays-h3"] * 3)
        (deployment,) = self.fake.of("deployments")
        self.assertEqual(
            deployment["metadata"]["labels"],
            {
                "plinth.dev/model": "delays",
                "plinth.dev/predictor": "h3",
                "plinth.dev/managed-by": "hand",
                "plinth.dev/version": "3",
            },
        )
        # Pods and what selects them are as the template has them.
        self.assertEqual(deployment["spec"]["selector"]["matchLabels"]["plinth.dev/predictor"], "h3")
        self.assertNotIn("plinth.dev/managed-by", deployment["spec"]["selector"]["matchLabels"])
        self.assertEqual(deployment["spec"]["template"]["metadata"]["annotations"]["source"], "models:/delays/3")
        self.assertEqual(
            self.routes,
            {
                "delays.json": {
                    "team": "team-a",
                    "stable": "h3",
                    "predictors": [
                        {
                            "name": "h3",
                            "version": "3",
                            "url": "http://delays-h3.team-a.svc.cluster.local:8080",
                            "weight": 100,
                        }
                    ],
                    "timeoutMs": 10000,
                    "log": {"sample": 0.5, "redact": ["passport"]},
                    "outliers": {"model": "far", "sample": 1.0},
                }
            },
        )
        self.served.assert_called_once()
        self.assertEqual(self.waited, [])

    def test_another_version_takes_over_before_the_one_before_goes(self) -> None:
        plinth.serve("delays", 3)
        plinth.serve("prices", 1)
        there: list[str] = []
        self.served.side_effect = lambda *_: there.extend(self.names())
        plinth.serve("delays", 4)
        self.assertEqual({each for each in there if each.startswith("delays")}, {"delays-h3", "delays-h4"})
        self.assertEqual(self.waited, [15.0])
        self.assertEqual(set(self.names()), {"delays-h4", "prices-h1"})
        self.assertEqual(self.routes["delays.json"]["stable"], "h4")

    def test_undeploy_takes_the_route_away_first_and_leaves_others(self) -> None:
        plinth.serve("delays", 3)
        plinth.serve("prices", 1)
        routes: list[list[str]] = []
        with mock.patch.object(_serve.time, "sleep", lambda _: routes.append(sorted(self.routes))):
            plinth.undeploy("delays")
        self.assertEqual(routes, [["prices.json"]])
        self.assertEqual(set(self.names()), {"prices-h1"})
        plinth.undeploy("delays")

    def test_what_a_slow_version_was_asked_gets_its_answer_before_it_goes(self) -> None:
        plinth.serve("delays", 3, timeout_seconds=300)
        plinth.serve("delays", 4)
        plinth.undeploy("delays")
        self.assertEqual(self.waited, [305.0, 15.0])

    def test_everything_of_a_version_goes_though_the_template_has_changed(self) -> None:
        plinth.serve("delays", 3)
        changed = json.dumps({"default": template[:2]})
        self.fake.objects[f"{maps}/models"]["data"]["predictors.json"] = changed
        plinth.undeploy("delays")
        self.assertEqual(self.names(), [])

    def test_what_was_made_before_a_refusal_is_taken_away(self) -> None:
        for refused in ("/poddisruptionbudgets/", "/configmaps/model-routes"):
            self.fake.forbidden = refused
            with self.assertRaisesRegex(plinth.PlinthError, "answers 403"):
                plinth.serve("delays", 3)
            self.assertEqual((self.names(), self.routes), ([], {}))

    def test_whoever_breaks_off_the_wait_leaves_nothing(self) -> None:
        self.fake.status = {}
        with mock.patch.object(_serve.time, "sleep", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            plinth.serve("delays", 3)
        self.assertEqual((self.names(), self.routes), ([], {}))

    def test_what_can_not_be_taken_away_is_told_with_what_failed(self) -> None:
        self.fake.status = {}
        gone = plinth.PlinthError("Kubernetes' API doesn't answer")
        with mock.patch.object(Kubernetes, "delete", side_effect=gone), self.assertRaises(plinth.PlinthError) as caught:
            plinth.serve("delays", 3, wait_seconds=10)
        self.assertIn("isn't ready in time", str(caught.exception))
        self.assertIn("version 3 is still there: Kubernetes' API doesn't answer", caught.exception.__notes__[0])

    def test_routes_that_somebody_wrote_by_hand_are_taken_away_as_well(self) -> None:
        for text, waited in (('{"team":', 605.0), ('{"predictors": [{"version": "3"}]}', 15.0)):
            plinth.serve("delays", 3)
            self.waited.clear()
            self.fake.objects[f"{maps}/model-routes"]["data"]["delays.json"] = text
            plinth.undeploy("delays")
            self.assertEqual((self.names(), self.routes, self.waited), ([], {}, [waited]))

    def test_what_the_promoter_serves_is_left_to_it(self) -> None:
        self.registry.get_registered_model.return_value.aliases = {"champion": "2"}
        with self.assertRaisesRegex(plinth.PlinthError, "alias champion.*plinth.deploy"):
            plinth.serve("delays", 3)
        self.assertEqual((self.names(), self.routes), ([], {}))

    def test_pods_that_do_not_start_are_told_with_their_reason_and_taken_away(self) -> None:
        self.fake.status = {"conditions": [{"type": "ReplicaFailure", "message": "exceeded quota: team"}]}
        with self.assertRaisesRegex(plinth.PlinthError, "delays-h3 isn't ready in time: exceeded quota: team"):
            plinth.serve("delays", 3, wait_seconds=10)
        self.assertEqual((self.names(), self.routes), ([], {}))

    def test_a_version_that_serves_already_stays_when_its_change_fails(self) -> None:
        plinth.serve("delays", 3)
        self.fake.status = {}
        with self.assertRaisesRegex(plinth.PlinthError, "isn't ready in time"):
            plinth.serve("delays", 3, wait_seconds=10)
        self.assertEqual(self.names(), ["delays-h3"] * 3)
        self.assertEqual(self.routes["delays.json"]["stable"], "h3")

    def test_an_environment_that_does_not_allow_it_is_named(self) -> None:
        self.fake.forbidden = "/deployments/"
        with self.assertRaisesRegex(plinth.PlinthError, r"answers 403: not allowed.*serving\.byHand"):
            plinth.serve("delays", 3)
        del self.fake.objects[f"{maps}/models"]
        with self.assertRaisesRegex(plinth.PlinthError, r"answers 404.*serving\.byHand"):
            plinth.serve("delays", 3)

    def test_what_can_not_be_is_refused_before_anything_is_made(self) -> None:
        for model, more, message in (
            ("Delays", {}, "lower-case letters"),
            ("d" * 62, {}, "more than 63 characters"),
            ("delays", {"log": 2, "outlier_sample": -1}, "log must be between 0 and 1, got 2; outlier_sample must be"),
            ("delays", {"timeout_seconds": 601}, "timeout_seconds must be a whole number from 1 to 600, got 601"),
        ):
            with self.assertRaisesRegex(plinth.PlinthError, message):
                plinth.serve(model, 3, **more)
        self.assertEqual(self.names(), [])


if __name__ == "__main__":
    unittest.main()
