"""Tokens of the team's machine credentials, renewed before they end."""

from __future__ import annotations

import json
import logging
import os
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plinth._errors import PlinthError

_logger = logging.getLogger(__name__)
_DEFAULT_FOLDER = "/var/run/secrets/plinth/oidc"
# A token is renewed when it has this many seconds left, or a third of its life if that is less.
_MARGIN = 30.0
_ATTEMPTS = 4


class TokenError(PlinthError):
    """There is no token to be had; the message says who refused or didn't answer."""


@dataclass(frozen=True)
class _Token:
    text: str
    renew_at: float
    ends_at: float


class TeamTokens:
    """Gets tokens by the client credentials in a folder: `issuer`, `clientId`, `clientSecret`, maybe `ca.crt`.

    The files are read again for each token, so that rotated credentials are taken up without a restart. Any number
    of threads may ask; the issuer is asked by one of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def token(self) -> str:
        """A token that is still valid for a while. Raises `TokenError`."""
        now = time.monotonic()
        known = self._token
        if known is not None and now < known.renew_at:
            return known.text
        with self._lock:
            known = self._token
            if known is None or time.monotonic() >= known.renew_at:
                known = self._renewed(known)
            return known.text

    def instead_of(self, refused: str) -> str:
        """Another token than the one a server has refused; a token renewed since then will do."""
        with self._lock:
            if self._token is None or self._token.text == refused:
                self._token = None
                return self._renewed(None).text
            return self._token.text

    def _renewed(self, known: _Token | None) -> _Token:
        try:
            self._token = self._fetch()
        except TokenError as error:
            if known is None or time.monotonic() >= known.ends_at:
                raise
            _logger.warning("the present token is used on, as there is no other yet: %s", error)
            # The next request may try again, but not every one within a second.
            self._token = _Token(known.text, min(time.monotonic() + 1, known.ends_at), known.ends_at)
        return self._token

    def _fetch(self) -> _Token:
        problem = ""
        for attempt in range(_ATTEMPTS):
            if attempt > 0:
                time.sleep(0.25 * 2**attempt)
            try:
                return self._ask()
            except (OSError, ValueError, KeyError) as error:
                problem = f"{type(error).__name__}: {error}"
        raise TokenError(f"no token from the issuer named in {self._folder / 'issuer'}: {problem}")

    def _ask(self) -> _Token:
        issuer = self._read("issuer")
        found = self._answer(f"{issuer}/.well-known/openid-configuration")
        asked_at = time.monotonic()
        form = {
            "grant_type": "client_credentials",
            "client_id": self._read("clientId"),
            "client_secret": self._read("clientSecret"),
        }
        try:
            content = self._answer(found["token_endpoint"], urllib.parse.urlencode(form).encode())
        except urllib.error.HTTPError as error:
            if error.code in (400, 401, 403):
                raise TokenError(f"{issuer} refuses the credentials in {self._folder}: {_reason(error)}") from error
            raise
        lasts = float(content.get("expires_in", 60))
        margin = min(_MARGIN, lasts / 3)
        return _Token(str(content["access_token"]), asked_at + lasts - margin, asked_at + lasts)

    def _answer(self, url: str, form: bytes | None = None) -> dict[str, Any]:
        authority = self._folder / "ca.crt"
        tls = ssl.create_default_context(cafile=str(authority) if authority.exists() else None)
        with urllib.request.urlopen(url, form, timeout=20, context=tls) as answer:
            content = json.load(answer)
        if not isinstance(content, dict):
            raise ValueError(f"{url} answers something else than an object")
        return content

    def _read(self, name: str) -> str:
        return (self._folder / name).read_text().strip()


def credentials_folder() -> Path:
    """Where the platform mounts the team's credentials, or the folder that `PLINTH_OIDC_FOLDER` names."""
    return Path(os.environ.get("PLINTH_OIDC_FOLDER") or _DEFAULT_FOLDER)


_known: dict[Path, TeamTokens] = {}
_known_lock = threading.Lock()


def team_tokens() -> TeamTokens:
    """One holder for all of this process: a token serves every call until it is about to end."""
    folder = credentials_folder()
    with _known_lock:
        return _known.setdefault(folder, TeamTokens(folder))


def _reason(refusal: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(refusal)["error"])
    except (ValueError, KeyError, TypeError):
        return f"status {refusal.code}"
