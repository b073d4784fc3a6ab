"""What a team's DAGs can do beyond Airflow's own operators."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import plinth
from airflow.sdk import BaseOperator
from plinth._kubernetes import Kubernetes, KubernetesError

# States that the Spark operator leaves by itself, and before which nothing of the application runs.
WAITING = ("NEW", "SUBMITTED", "PENDING_RERUN")
ENDED = ("COMPLETED", "FAILED", "SUBMISSION_FAILED")
POLL_SECONDS = 3
# Kubernetes' API may be away for so long while an application runs.
PATIENCE_SECONDS = 300


class SparkApplicationOperator(BaseOperator):
    """Runs a Python file on Spark executors in the team's namespace, and ends when it has.

    `main` is a path of the DAG's own repository, or what `plinth.spark_application()` takes. The application belongs
    to the pod of this task: it is gone when the task ends, however that ends, and the log of its driver is in the
    task's. `start_seconds` is how long its driver may wait for a node to run on.
    """

    template_fields: Sequence[str] = ("arguments", "conf")

    def __init__(
        self,
        *,
        main: str | Path,
        arguments: Sequence[str] = (),
        executors: int = 1,
        cores: int = 1,
        memory_mib: int = 1024,
        conf: Mapping[str, str] | None = None,
        start_seconds: float = 900,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.main = str(main)
        self.arguments = arguments
        self.executors = executors
        self.cores = cores
        self.memory_mib = memory_mib
        self.conf = conf
        self.start_seconds = start_seconds

    def execute(self, context: Any) -> None:
        kubernetes = Kubernetes()
        pod = kubernetes.own_pod
        manifest = plinth.spark_application(
            self._name(),
            self._main(),
            [str(each) for each in self.arguments],
            executors=self.executors,
            cores=self.cores,
            memory_mib=self.memory_mib,
            conf=self.conf,
        )
        name = manifest["metadata"]["name"]
        manifest["metadata"]["ownerReferences"] = [pod.as_owner]
        applications = f"/apis/sparkoperator.k8s.io/v1beta2/namespaces/{pod.namespace}/sparkapplications"
        self._address = f"{applications}/{name}"
        kubernetes.create(applications, manifest)
        print(f"SparkApplication {name}: made")
        try:
            status = self._until_ended(kubernetes)
            driver = status.get("driverInfo", {}).get("podName") or f"{name}-driver"
            self._print_log(kubernetes, f"/api/v1/namespaces/{pod.namespace}/pods/{driver}/log")
        finally:
            kubernetes.delete(self._address)
        state = status["applicationState"]
        if state["state"] != "COMPLETED":
            raise plinth.PlinthError(f"SparkApplication {name}: {state['state']}. {state.get('errorMessage', '')}")

    def on_kill(self) -> None:
        address = getattr(self, "_address", None)
        if address is not None:
            Kubernetes().delete(address)

    def _name(self) -> str:
        words = re.sub(r"[^a-z0-9]+", "-", f"{self.dag_id}-{self.task_id}".lower()).strip("-")
        return f"{words[:40].rstrip('-')}-{secrets.token_hex(4)}"

    def _main(self) -> str:
        """Where the driver finds the file: what is only in the repository is put into the team's bucket first."""
        if "://" in self.main:
            return self.main
        code = Path(self.main).read_bytes()
        files = plinth.storage()
        key = f"airflow-code/{hashlib.sha256(code).hexdigest()[:16]}/{Path(self.main).name}"
        files.client.put_object(Bucket=files.bucket, Key=key, Body=code)
        return files.spark_path(key)

    def _until_ended(self, kubernetes: Kubernetes) -> dict[str, Any]:
        began = answered = time.monotonic()
        last = ""
        while True:
            now = time.monotonic()
            try:
                status = kubernetes.get(self._address).get("status", {})
                answered = now
            except plinth.PlinthError as error:
                refused = isinstance(error, KubernetesError) and error.status < 500 and error.status != 429
                if refused or now - answered > PATIENCE_SECONDS:
                    raise
                print(f"asked again: {error}")
                status = None
            if status is not None:
                state = status.get("applicationState", {}).get("state") or "NEW"
                if state != last:
                    print(f"SparkApplication: {state}")
                    last = state
                if state in ENDED:
                    return status
                if state in WAITING and now - began > self.start_seconds:
                    raise plinth.PlinthError(
                        f"SparkApplication: still {state} after {self.start_seconds:.0f} s. Has the team's quota room, "
                        f"and a node, for its driver? `start_seconds` lets it wait longer."
                    )
            time.sleep(POLL_SECONDS)

    @staticmethod
    def _print_log(kubernetes: Kubernetes, path: str) -> None:
        try:
            print(kubernetes.text(path, tailLines="1000"))
        except plinth.PlinthError as error:
            print(f"no log of the driver: {error}")
