"""Requests with the team's token to services of the platform. No package beyond Python's own."""

from __future__ import annotations

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from plinth._errors import PlinthError
from plinth._tokens import credentials_folder, team_tokens

_ATTEMPTS = 4
_LONGEST_PAUSE = 5.0


class Tokens(Protocol):
    def token(self) -> str: ...

    def instead_of(self, refused: str) -> str: ...


class ServiceError(PlinthError):
    """A service of the platform refused a request, with this status; 0 if it didn't answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """urllib would send the token along, to wherever an answer points; no service of the platform redirects."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass(frozen=True)
class Answer:
    headers: Mapping[str, str]
    content: Any


class Service:
    """One service at one address. Asks again, with pauses, while it is busy or doesn't answer."""

    def __init__(self, what: str, url: str, tokens: Tokens | None = None, timeout_seconds: float = 30) -> None:
        folder = credentials_folder()
        if tokens is None and not (folder / "clientSecret").exists():
            raise PlinthError(
                f"{what} needs the team's credentials in {folder}, which the platform puts into notebooks and DAG "
                f"tasks of a team. Elsewhere name a folder with issuer, clientId and clientSecret in PLINTH_OIDC_FOLDER."
            )
        authority = folder / "ca.crt"
        self._what = what
        self._url = url.rstrip("/")
        self._tokens: Tokens = tokens or team_tokens()
        self._timeout = timeout_seconds
        tls = ssl.create_default_context(cafile=str(authority) if authority.exists() else None)
        # The gateway's, where the issuer is somebody else's.
        gateways = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH", "")
        if gateways:
            tls.load_verify_locations(cafile=gateways)
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls), _NoRedirects())

    def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        token = self._tokens.token()
        refused = False
        problem = ServiceError(0, f"{self._what}: no answer")
        for attempt in range(_ATTEMPTS):
            try:
                return self._send(method, path, body, {**(headers or {}), "Authorization": f"Bearer {token}"})
            except urllib.error.HTTPError as error:
                problem = ServiceError(error.code, self._explained(error))
                if error.code == 401 and not refused:
                    refused = True
                    token = self._tokens.instead_of(token)
                    continue
                if error.code not in (429, 503):
                    raise problem from error
                pause = _seconds(error.headers.get("Retry-After"), 0.5 * 2**attempt)
            except OSError as error:
                problem = ServiceError(
                    0,
                    f"{self._what}: {self._url} doesn't answer ({error}). Pods reach it only if the platform opened the "
                    f"path for them, as it does for notebooks and DAG tasks.",
                )
                pause = 0.5 * 2**attempt
            if attempt + 1 < _ATTEMPTS:
                time.sleep(min(pause, _LONGEST_PAUSE))
        raise problem

    def _send(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Answer:
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        request = urllib.request.Request(
            f"{self._url}{path}",
            method=method,
            data=data,
            headers={**headers, "Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=self._timeout) as answer:
            text = answer.read()
            content = json.loads(text) if text.strip() else None
            return Answer({name.lower(): value for name, value in answer.headers.items()}, content)

    def _explained(self, refusal: urllib.error.HTTPError) -> str:
        text = refusal.read().decode(errors="replace")
        try:
            reason = json.loads(text)["error"]
        except (ValueError, KeyError, TypeError):
            reason = text[:500] or refusal.reason
        return f"{self._what}: {self._url} answers {refusal.code}: {reason}{_advice.get(refusal.code, '')}"


_advice = {
    401: ". The team's token isn't accepted; is the team still on the platform?",
    403: ". It belongs to another team; ask its members, or use your own.",
    404: ". Check the name; plinth.deploy() makes a registered version answer.",
    413: ". Send fewer rows at a time.",
}


def _seconds(text: str | None, otherwise: float) -> float:
    try:
        return float(text or "")
    except ValueError:
        return otherwise
