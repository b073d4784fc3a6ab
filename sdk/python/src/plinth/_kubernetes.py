"""The few calls that a session needs, as the ServiceAccount of this pod. No package beyond Python's own."""

from __future__ import annotations

import base64
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from plinth._errors import PlinthError

Manifest = dict[str, Any]
default_folder = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class KubernetesError(PlinthError):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Pod:
    """The pod that this process runs in, as the API server itself vouches for it in the ServiceAccount's token."""

    namespace: str
    name: str
    uid: str

    @property
    def as_owner(self) -> Manifest:
        return {"apiVersion": "v1", "kind": "Pod", "name": self.name, "uid": self.uid}


class Kubernetes:
    def __init__(self, folder: Path = default_folder, server: str | None = None) -> None:
        self._folder = folder
        if not (folder / "token").exists():
            raise PlinthError(
                f"No token of a ServiceAccount in {folder}: this isn't a pod that may start Spark sessions or deploy "
                f"models. That is done from notebooks and DAG tasks of the platform, where Spark is on."
            )
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        self._server = server or f"https://{f'[{host}]' if ':' in host else host}:{port}"
        authority = folder / "ca.crt"
        self._tls = ssl.create_default_context(cafile=str(authority)) if authority.exists() else None

    @property
    def _token(self) -> str:
        # Read each time: the kubelet renews it.
        return (self._folder / "token").read_text().strip()

    @property
    def own_pod(self) -> Pod:
        body = self._token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["kubernetes.io"]
        return Pod(claims["namespace"], claims["pod"]["name"], claims["pod"]["uid"])

    def create(self, path: str, manifest: Manifest) -> Manifest:
        return self._call("POST", path, manifest)

    def get(self, path: str, **query: str) -> Manifest:
        return self._call("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path)

    def text(self, path: str, **query: str) -> str:
        return self._bytes("GET", f"{path}?{urllib.parse.urlencode(query)}").decode(errors="replace")

    def apply(self, path: str, manifest: Manifest, manager: str) -> Manifest:
        """Server-side: what is there already becomes as the manifest says."""
        query = urllib.parse.urlencode({"fieldManager": manager, "force": "true"})
        return self._call("PATCH", f"{path}?{query}", manifest, "application/apply-patch+yaml")

    def merge(self, path: str, change: Manifest, manager: str) -> Manifest:
        """Changes these fields and no others; None takes one away."""
        query = urllib.parse.urlencode({"fieldManager": manager})
        return self._call("PATCH", f"{path}?{query}", change, "application/merge-patch+json")

    def delete(self, path: str) -> None:
        """Asking for what isn't there any more is no error."""
        try:
            self._call("DELETE", path)
        except KubernetesError as error:
            if error.status != 404:
                raise

    def _call(
        self, method: str, path: str, body: Manifest | None = None, kind: str = "application/json"
    ) -> Manifest:
        return cast(Manifest, json.loads(self._bytes(method, path, body, kind)))

    def _bytes(
        self, method: str, path: str, body: Manifest | None = None, kind: str = "application/json"
    ) -> bytes:
        request = urllib.request.Request(
            f"{self._server}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": kind},
        )
        try:
            with urllib.request.urlopen(request, timeout=30, context=self._tls) as answer:
                return cast(bytes, answer.read())
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                message = json.loads(text)["message"]
            except (ValueError, KeyError, TypeError):
                message = text[:500]
            raise KubernetesError(error.code, message) from error
        except OSError as error:
            raise PlinthError(
                f"Kubernetes' API at {self._server} doesn't answer ({error}). Pods reach it only if the platform opened "
                f"the path for them, as it does for notebooks and DAG tasks."
            ) from error
