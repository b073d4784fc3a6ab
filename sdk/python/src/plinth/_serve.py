"""Models that somebody of the team puts into service, without the promoter."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from plinth._errors import PlinthError, package, setting
from plinth._kubernetes import Kubernetes, KubernetesError, Manifest
from plinth._models import hand_over_baseline, registered, team_of, wait_until_served

_TEMPLATES, _KEY = "models", "predictors.json"
_ROUTES = "model-routes"
#: Where each kind of object is that a predictor consists of. The Deployment is the last: as long as it is there, a removal
#: that broke off finds the others again.
_COLLECTIONS = {
    "Service": ("/api/v1", "services"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "Deployment": ("/apis/apps/v1", "deployments"),
}
#: The promoter's, which serves what carries it.
_ALIAS = "champion"
#: Kubernetes' limit for names of Services and values of labels.
_LONGEST = 63
#: A predictor that left the routes finishes what it has: its time-out, and as many seconds.
_MARGIN = 5.0
#: What the inference gateway takes as a time-out, in seconds.
_TIMEOUTS = range(1, 601)
#: What it takes where a route says nothing.
_TIMEOUT_MS = 10_000
_FIELD_MANAGER = "plinth-sdk"


def serve(
    model: str,
    version: int | str,
    *,
    log: float = 1.0,
    redact: Sequence[str] = (),
    outliers: str | None = None,
    outlier_sample: float = 1.0,
    timeout_seconds: int = 10,
    wait_seconds: float = 1200,
) -> None:
    """Puts a version of a registered model into service by hand: without a rollout, where the platform's promoter is off or
    is to leave the model alone. `plinth.predict()` and everybody else asks it at the inference gateway like any other.

    It runs as what the promoter deploys does, in the team's namespace and quota, and takes all requests once it is ready;
    a version that was served by hand before is taken away then. Asked again with the same version it changes what is
    different. `plinth.undeploy()` ends it.

    `log`: share of the requests that go into the prediction log, where `redact` names fields whose values don't.
    `outliers`: a model of the team, served as well, that says which requests are outliers, of `outlier_sample` of them;
    what it says is in the metrics. `timeout_seconds`: how long an answer may take (1 to 600).
    `wait_seconds`: how long until it answers.

    Raises `PlinthError` if there is no such version, if the model has the alias `champion` (then it is the promoter's), if
    its pods aren't ready in time, and where the environment doesn't let teams deploy by hand.
    """
    what = "plinth.serve()"
    _check_name(what, model, str(version))
    _check_numbers(what, timeout_seconds, log=log, outlier_sample=outlier_sample)
    setting("MLFLOW_TRACKING_URI", what)
    client = package("mlflow", what).MlflowClient()
    found = registered(what, client, model, str(version))
    if _ALIAS in client.get_registered_model(model).aliases:
        raise PlinthError(
            f"{what}: {model} has the alias {_ALIAS}, by which the platform's promoter serves it. To go on by hand, take the "
            f"alias away (MlflowClient().delete_registered_model_alias({model!r}, {_ALIAS!r})); where the promoter serves it "
            f"already, its route wins. To serve version {version} by a rollout: plinth.deploy({model!r}, {version})."
        )
    place = _Place(what, Kubernetes(), model)
    deadline = time.monotonic() + wait_seconds
    objects = place.objects(str(version))
    before = place.routed()
    policy: dict[str, Any] = {"timeoutMs": timeout_seconds * 1000, "log": {"sample": log, "redact": list(redact)}}
    if outliers is not None:
        policy["outliers"] = {"model": outliers, "sample": outlier_sample}
    try:
        place.apply(objects)
        place.wait(objects, deadline)
        hand_over_baseline(what, client, model, str(version), found.run_id)
        place.route(place.document(str(version), objects, policy))
    except BaseException as error:  # somebody may be tired of waiting
        if before is None or before.version != str(version):
            place.clean_up(str(version), error)
        raise
    wait_until_served(
        what,
        model,
        str(version),
        max(1.0, deadline - time.monotonic()),
        f"Its route is in ConfigMap {_ROUTES}; if the environment or the promoter serves a model of this name, theirs counts",
    )
    others = place.others(str(version))
    if others and before is not None:
        time.sleep(before.timeout_seconds + _MARGIN)
    for each in others:
        place.remove(each)


def undeploy(model: str) -> None:
    """Takes a model that `plinth.serve()` put into service away: first its route, then, when what was asked has its answer,
    its pods. What the promoter or the environment serves stays. Of a model that isn't served by hand it does nothing.
    """
    what = "plinth.undeploy()"
    place = _Place(what, Kubernetes(), model)
    routed = place.routed()
    if routed is not None:
        place.route(None)
    there = place.others(None)
    if routed is not None and there:
        time.sleep(routed.timeout_seconds + _MARGIN)
    for each in there:
        place.remove(each)


def _check_name(what: str, model: str, version: str) -> None:
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", model):
        raise PlinthError(
            f"{what}: {model!r} can't be an address; name the registered model with lower-case letters, digits and hyphens"
        )
    if len(f"{model}-h{version}") > _LONGEST:
        raise PlinthError(f"{what}: {model}-h{version} has more than {_LONGEST} characters; give the model a shorter name")


def _check_numbers(what: str, timeout_seconds: int, **shares: float) -> None:
    wrong = [f"{name} must be between 0 and 1, got {share}" for name, share in shares.items() if not 0 <= share <= 1]
    if timeout_seconds not in _TIMEOUTS:
        wrong.append(
            f"timeout_seconds must be a whole number from {_TIMEOUTS[0]} to {_TIMEOUTS[-1]}, got {timeout_seconds}"
        )
    if wrong:
        raise PlinthError(f"{what}: {'; '.join(wrong)}")


@dataclass(frozen=True)
class _Routed:
    """What a team's own route of a model says."""

    version: str
    timeout_seconds: float


@dataclass(frozen=True)
class _Place:
    """A model in the team's namespace."""

    what: str
    kubernetes: Kubernetes
    model: str

    @property
    def namespace(self) -> str:
        return self.kubernetes.own_pod.namespace

    def objects(self, version: str) -> list[Manifest]:
        """As the platform's template says, under a name that is not the promoter's for the same version."""
        templates = json.loads(self._config_map(_TEMPLATES).get("data", {}).get(_KEY, "{}"))
        chosen = templates.get("models", {}).get(self.model, templates.get("default"))
        if chosen is None:
            raise PlinthError(f"{self.what}: ConfigMap {_TEMPLATES} has no {_KEY}: the platform serves no models this way")
        text = json.dumps(chosen).replace("v{{version}}", "h{{version}}")
        made: list[Manifest] = json.loads(text.replace("{{model}}", self.model).replace("{{version}}", version))
        for each in made:
            own = {"plinth.dev/managed-by": "hand", "plinth.dev/version": version}
            each["metadata"]["labels"] = {**each["metadata"].get("labels", {}), **own}
        return made

    def apply(self, objects: list[Manifest]) -> None:
        for each in objects:
            try:
                self.kubernetes.apply(self._path(each), each, _FIELD_MANAGER)
            except KubernetesError as error:
                raise self._refused(error) from error

    def wait(self, objects: list[Manifest], deadline: float) -> None:
        (deployment,) = (each for each in objects if each["kind"] == "Deployment")
        while True:
            found = self.kubernetes.get(self._path(deployment))
            if _is_ready(found):
                return
            if time.monotonic() >= deadline:
                raise PlinthError(
                    f"{self.what}: {deployment['metadata']['name']} isn't ready in time{self._said(deployment)}"
                )
            time.sleep(min(2.0, max(0.0, deadline - time.monotonic())))

    def document(self, version: str, objects: list[Manifest], policy: dict[str, Any]) -> str:
        (service,) = (each for each in objects if each["kind"] == "Service")
        host = f"{service['metadata']['name']}.{self.namespace}.svc.cluster.local"
        url = f"http://{host}:{service['spec']['ports'][0]['port']}"
        predictor = {"name": f"h{version}", "version": version, "url": url, "weight": 100}
        route = {"team": team_of(self.what), "stable": predictor["name"], "predictors": [predictor], **policy}
        return json.dumps(route)

    def route(self, document: str | None) -> None:
        try:
            self.kubernetes.merge(self._routes, {"data": {f"{self.model}.json": document}}, _FIELD_MANAGER)
        except KubernetesError as error:
            raise self._refused(error) from error

    def routed(self) -> _Routed | None:
        text = (self._config_map(_ROUTES).get("data") or {}).get(f"{self.model}.json")
        if text is None:
            return None
        try:
            route = json.loads(text)
            return _Routed(str(route["predictors"][0]["version"]), route.get("timeoutMs", _TIMEOUT_MS) / 1000)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            # Somebody's own, with a mistake; what the gateway makes of it isn't known here.
            return _Routed("", _TIMEOUTS[-1])

    def others(self, kept: str | None) -> list[str]:
        """Every version that is served by hand, but for this one."""
        there = self._there(self._collection("Deployment"))
        return sorted({each["metadata"]["labels"]["plinth.dev/version"] for each in there} - {kept})

    def remove(self, version: str) -> None:
        # What carries its label, not what today's template would make.
        for kind in _COLLECTIONS:
            collection = self._collection(kind)
            for each in self._there(collection, f",plinth.dev/version={version}"):
                self.kubernetes.delete(f"{collection}/{each['metadata']['name']}")

    def clean_up(self, version: str, error: BaseException) -> None:
        """Removes what was made before `error`, which is what the caller is told."""
        try:
            self.remove(version)
        except PlinthError as other:
            error.add_note(f"What was made of version {version} is still there: {other}")

    @property
    def _routes(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps/{_ROUTES}"

    def _config_map(self, name: str) -> Manifest:
        try:
            return self.kubernetes.get(f"/api/v1/namespaces/{self.namespace}/configmaps/{name}")
        except KubernetesError as error:
            raise self._refused(error) from error

    def _refused(self, error: KubernetesError) -> PlinthError:
        hint = (
            ". Whether teams may deploy by hand is a choice of the environment (serving.byHand); it takes Spark, whose "
            "identity notebooks and DAG tasks have"
            if error.status in (403, 404)
            else ""
        )
        return PlinthError(f"{self.what}: Kubernetes answers {error.status}: {error}{hint}")

    def _there(self, collection: str, more: str = "") -> list[Manifest]:
        selector = f"plinth.dev/model={self.model},plinth.dev/managed-by=hand{more}"
        found: list[Manifest] = self.kubernetes.get(collection, labelSelector=selector)["items"]
        return found

    def _collection(self, kind: str) -> str:
        group, plural = _COLLECTIONS[kind]
        return f"{group}/namespaces/{self.namespace}/{plural}"

    def _path(self, each: Manifest) -> str:
        return f"{self._collection(each['kind'])}/{each['metadata']['name']}"

    def _said(self, deployment: Manifest) -> str:
        """Why pods don't start, as far as Kubernetes says it."""
        labels = deployment["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        pods = self.kubernetes.get(f"/api/v1/namespaces/{self.namespace}/pods", labelSelector=selector)["items"]
        found = self.kubernetes.get(self._path(deployment)).get("status", {})
        said = [each["message"] for each in found.get("conditions", []) if each["type"] == "ReplicaFailure"]
        for pod in pods:
            status = pod.get("status", {})
            for each in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
                state = each.get("state", {})
                reason = state.get("waiting") or state.get("terminated") or {}
                if reason.get("reason") not in (None, "Completed", "PodInitializing"):
                    said.append(f"{each['name']}: {reason['reason']} {reason.get('message', '')}".strip())
            for each in status.get("conditions", []):
                if each["type"] == "PodScheduled" and each["status"] == "False":
                    said.append(each.get("message", "no node has room for it"))
        return f": {'; '.join(dict.fromkeys(said))}" if said else ""


def _is_ready(deployment: Manifest) -> bool:
    status, wanted = deployment.get("status", {}), max(1, deployment.get("spec", {}).get("replicas", 1))
    current = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    return bool(
        current and status.get("updatedReplicas", 0) >= wanted and status.get("availableReplicas", 0) >= wanted
    )
