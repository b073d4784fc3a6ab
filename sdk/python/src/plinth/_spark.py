"""Spark sessions on executors in the team's namespace, which end with the pod that asked for them."""

from __future__ import annotations

import atexit
import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plinth._errors import PlinthError, package
from plinth._kubernetes import Kubernetes, KubernetesError, Manifest, Pod
from plinth._templates import template

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

port = 15002
owner_label = "spark.plinth.dev/client"
process_label = "spark.plinth.dev/process"
# For so many seconds a driver that ran is taken to run still: a call costs no request then.
_fresh = 5.0


def process_of(pid: int) -> str:
    """Tells a process from a later one that got the same number: by when it started."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        started = "gone"
    return f"{pid}-{started}"


class Session:
    """The driver's pod of one session: made, waited for, connected to, deleted."""

    def __init__(self, kubernetes: Kubernetes, owner: Pod) -> None:
        self.kubernetes = kubernetes
        self.owner = owner
        self.name = f"spark-session-{secrets.token_hex(5)}"
        self.token = secrets.token_urlsafe(32)
        self.stopped = False
        self._seen = 0.0
        self._base = f"/api/v1/namespaces/{owner.namespace}"

    def start(self, pod: Manifest, variables: Mapping[str, str], seconds: int) -> None:
        labels = {owner_label: self.owner.uid, process_label: process_of(os.getpid())}
        metadata = {"name": self.name, "labels": labels, "ownerReferences": [self.owner.as_owner]}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"token": self.token}}
        own = {**metadata, "labels": {**pod["metadata"]["labels"], **labels}}
        driver = {**pod, "metadata": {**pod["metadata"], **own}}
        driver["spec"]["activeDeadlineSeconds"] = seconds
        for container in driver["spec"]["containers"]:
            container.setdefault("env", []).extend({"name": name, "value": value} for name, value in variables.items())
            reference = {"secretKeyRef": {"name": self.name, "key": "token"}}
            container["env"].append({"name": "SPARK_CONNECT_AUTHENTICATE_TOKEN", "valueFrom": reference})
        try:
            self.kubernetes.create(f"{self._base}/secrets", secret)
            self.kubernetes.create(f"{self._base}/pods", driver)
        except KubernetesError as error:
            self.stop()
            if "exceeded quota" in str(error):
                raise PlinthError(
                    f"The team's quota has no room for another Spark session. Stop one, or ask for less. ({error})"
                ) from error
            raise PlinthError(f"Kubernetes refuses the session's pod: {error}") from error

    def wait(self, seconds: float) -> str:
        """Until the server takes connections; resolves to its address."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                status = self.kubernetes.get(f"{self._base}/pods/{self.name}").get("status", {})
            except KubernetesError as error:
                if error.status == 404:
                    raise PlinthError("The session's pod was deleted while it started.") from error
                raise
            conditions = {each["type"]: each for each in status.get("conditions", [])}
            if conditions.get("Ready", {}).get("status") == "True":
                self._seen = time.monotonic()
                return str(status["podIP"])
            if status.get("phase") in ("Failed", "Succeeded"):
                self._fail(f"The session's driver ended while it started: {why(status)}")
            if time.monotonic() > deadline:
                self._fail(
                    f"The session's driver wasn't ready within {seconds:.0f} s: {why(status)}. Wait longer with "
                    f"plinth.spark(wait_seconds=...), or ask for less."
                )
            time.sleep(0.5)

    def alive(self) -> bool:
        """False once its driver has ended or is gone. A Kubernetes that doesn't answer says nothing of it."""
        if self.stopped:
            return False
        if time.monotonic() - self._seen < _fresh:
            return True
        try:
            pod = self.kubernetes.get(f"{self._base}/pods/{self.name}")
        except KubernetesError as error:
            return error.status != 404
        if pod.get("status", {}).get("phase") != "Running" or "deletionTimestamp" in pod["metadata"]:
            return False
        self._seen = time.monotonic()
        return True

    def _fail(self, message: str) -> None:
        log = self._log()
        self.stop()
        raise PlinthError(message + (f"\nIts last lines:\n{log}" if log else ""))

    def _log(self) -> str:
        try:
            return self.kubernetes.text(f"{self._base}/pods/{self.name}/log", tailLines="15")
        except PlinthError:
            return ""

    def stop(self) -> None:
        """Deletes the driver's pod; its executors are owned by it and go with it."""
        if self.stopped:
            return
        self.stopped = True
        self.kubernetes.delete(f"{self._base}/pods/{self.name}")
        self.kubernetes.delete(f"{self._base}/secrets/{self.name}")

    def stop_forgotten(self) -> None:
        """Ends sessions of processes of this pod that ended without doing so, a killed kernel's for instance."""
        pods = self.kubernetes.get(f"{self._base}/pods", labelSelector=f"{owner_label}={self.owner.uid}")
        for pod in pods.get("items", []):
            name, process = pod["metadata"]["name"], pod["metadata"]["labels"].get(process_label, "")
            if process != process_of(int(process.split("-")[0] or 0)):
                self.kubernetes.delete(f"{self._base}/pods/{name}")
                self.kubernetes.delete(f"{self._base}/secrets/{name}")


def why(status: Manifest) -> str:
    """The most telling reason in a pod's status."""
    for each in status.get("containerStatuses", []):
        state = each.get("state", {})
        for kind in ("terminated", "waiting"):
            found = state.get(kind, {})
            if found.get("reason") not in (None, "ContainerCreating", "PodInitializing", "Completed"):
                code = f" (exit code {found['exitCode']})" if "exitCode" in found else ""
                return f"{found['reason']}{code} {found.get('message', '')}".strip()
    for each in status.get("conditions", []):
        if each["type"] == "PodScheduled" and each["status"] == "False":
            return f"no node has room for it: {each.get('message', '')}"
    return str(status.get("message") or status.get("reason") or f"it is {status.get('phase', 'not seen')}")


def connect(address: str, token: str) -> SparkSession:
    """pyspark sends tokens over TLS or to localhost only; here the network policy names who may connect at all."""
    grpc = package("grpc", "plinth.spark()")
    core = package("pyspark.sql.connect.client.core", "plinth.spark()")
    sessions = package("pyspark.sql.connect.session", "plinth.spark()")
    kinds = (grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamUnaryClientInterceptor)

    def call(_: object, continuation: Any, details: Any, request: Any) -> Any:
        metadata = [*(details.metadata or ()), ("authorization", f"Bearer {token}")]
        return continuation(details._replace(metadata=metadata), request)

    names = ("intercept_unary_unary", "intercept_unary_stream", "intercept_stream_unary")
    with_token = type("WithToken", kinds, dict.fromkeys(names, call))
    host = f"[{address}]" if ":" in address else address
    builder = core.DefaultChannelBuilder(f"sc://{host}:{port}")
    builder.add_interceptor(with_token())
    session: SparkSession = sessions.SparkSession.builder.channelBuilder(builder).create()
    return session


_current: tuple[Session, Any] | None = None


def spark(
    executors: int = 1,
    *,
    cores: int = 1,
    memory_mib: int = 1024,
    hours: float = 8,
    conf: Mapping[str, str] | None = None,
    wait_seconds: float = 300,
) -> SparkSession:
    """A Spark session of one's own, on executors in the team's namespace.

    It ends with `stop()`, with this process, with this pod, or after `hours`, whichever comes first. `cores` and
    `memory_mib` are each executor's. A second call gives the same session until it has ended, whyever.
    """
    global _current
    if _current is not None:
        if _current[0].alive():
            return _current[1]  # type: ignore[no-any-return]
        # Not pyspark's own stop(): that would wait for a server that is gone.
        _current[0].stop()
    if executors < 1 or cores < 1 or memory_mib < 512:
        raise PlinthError(
            f"plinth.spark(): got executors={executors}, cores={cores}, memory_mib={memory_mib}; "
            f"expected at least 1, 1 and 512"
        )
    settings = template("session.json", "plinth.spark()")
    limit = settings["maxSeconds"]
    if not 0 < hours * 3600 <= limit:
        raise PlinthError(f"hours: got {hours:g}, expected more than 0 and at most {limit / 3600:g}")
    variables = {
        "PLINTH_EXECUTORS": str(executors),
        "PLINTH_EXECUTOR_CORES": str(cores),
        "PLINTH_EXECUTOR_REQUEST": f"{cores * settings['coreMillis']}m",
        "PLINTH_EXECUTOR_MEMORY": f"{memory_mib}m",
        "PLINTH_SPARK_CONF": json.dumps(dict(conf or {}), sort_keys=True),
    }
    kubernetes = Kubernetes()
    session = Session(kubernetes, kubernetes.own_pod)
    session.stop_forgotten()
    session.start(settings["pod"], variables, int(hours * 3600))
    atexit.register(session.stop)
    try:
        connected = connect(session.wait(wait_seconds), session.token)
    except BaseException:
        session.stop()
        raise
    end = connected.stop

    def stop() -> None:
        try:
            end()
        finally:
            session.stop()

    # The server is this session's own: what ends the one ends the other.
    connected.stop = stop  # type: ignore[method-assign]
    _current = (session, connected)
    return connected
