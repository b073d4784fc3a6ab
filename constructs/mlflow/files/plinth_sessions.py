"""Signing in with a browser: the issuer's code flow, and a session that lasts as long as the issuer's.

The session is in an encrypted cookie, so that it outlives a pod and any replica knows it. Who somebody is, is asked
again of the issuer whenever the short token in it has ended: who is taken out of a group, or out altogether, is out
here too after that.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from cryptography.fernet import Fernet, InvalidToken
from plinth_issuer import Issuer, Person, Refused

SESSION = "__Host-mlflow-session"
ATTEMPT = "__Host-mlflow-sign-in"
CALLBACK = "/oidc/callback"
SIGN_OUT = "/oidc/sign-out"
# An attempt to sign in ends after this many seconds, a session at the latest after those.
ATTEMPT_LASTS, SESSION_LASTS = 600, 12 * 3600
# Browsers drop longer cookies without a word.
LONGEST = 3900


@dataclass(frozen=True)
class Session:
    person: Person
    refresh: str | None


@dataclass(frozen=True)
class Redirect:
    to: str
    cookies: tuple[str, ...]


def cookie(name: str, value: str, lasts: int) -> str:
    return f"{name}={value}; Path=/; Max-Age={lasts}; Secure; HttpOnly; SameSite=Lax"


def _here(path: str) -> str:
    """A path on this server, never an address elsewhere."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


class Sessions:
    def __init__(self, issuer: Issuer, url: str, key: str) -> None:
        self._issuer = issuer
        self._url = url
        # base64url of 32 bytes, whose padding may be missing.
        self._box = Fernet(key.rstrip("=") + "=")
        self._renewals: dict[str, asyncio.Task[Session | None]] = {}

    def begin(self, path: str) -> Redirect:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        query = {
            "response_type": "code",
            "client_id": self._issuer.client,
            "redirect_uri": self._url + CALLBACK,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        attempt = self._seal({"state": state, "nonce": nonce, "verifier": verifier, "path": _here(path)})
        to = f"{self._issuer.address('authorization_endpoint')}?{urlencode(query)}"
        return Redirect(to, (cookie(ATTEMPT, attempt, ATTEMPT_LASTS),))

    def finish(self, query: dict[str, str], cookies: dict[str, str]) -> Redirect:
        """Where the browser came back to. Raises `Refused`, `Unreachable`."""
        attempt = self._open(cookies.get(ATTEMPT, ""), ATTEMPT_LASTS)
        if attempt is None or not secrets.compare_digest(attempt["state"], query.get("state", "")):
            raise Refused("this isn't the attempt to sign in that began here; open the address again")
        if "code" not in query:
            raise Refused(f"the issuer says {query.get('error', 'nothing')}")
        found = self._issuer.tokens(
            grant_type="authorization_code",
            code=query["code"],
            redirect_uri=self._url + CALLBACK,
            code_verifier=attempt["verifier"],
        )
        person = self._issuer.person(found["id_token"], self._issuer.client, attempt["nonce"])
        session = Session(person, found.get("refresh_token"))
        return Redirect(attempt["path"], (self.kept(session), cookie(ATTEMPT, "", 0)))

    def end(self) -> Redirect:
        query = {"client_id": self._issuer.client, "post_logout_redirect_uri": f"{self._url}/"}
        to = f"{self._issuer.address('end_session_endpoint')}?{urlencode(query)}"
        return Redirect(to, (cookie(SESSION, "", 0),))

    async def current(self, cookies: dict[str, str]) -> tuple[Session, bool] | None:
        """The session of these cookies, and whether the browser must be given it anew. Raises `Unreachable`."""
        found = self._open(cookies.get(SESSION, ""), SESSION_LASTS)
        if found is None:
            return None
        session = Session(
            Person(found["name"], frozenset(found["groups"]), found["until"]), found.get("refresh")
        )
        if session.person.until > time.time():
            return session, False
        renewed = await self._renewed(session)
        return None if renewed is None else (renewed, True)

    def kept(self, session: Session) -> str:
        person = session.person
        content = {"name": person.name, "groups": sorted(person.groups), "until": person.until}
        sealed = self._seal({**content, "refresh": session.refresh})
        # Then it ends with its first token, and the browser goes by the issuer again, which knows it.
        return cookie(SESSION, sealed if len(sealed) <= LONGEST else self._seal(content), SESSION_LASTS)

    async def _renewed(self, session: Session) -> Session | None:
        """A page asks many things at once: the issuer is asked once for all of them."""
        if session.refresh is None:
            return None
        key = hashlib.sha256(session.refresh.encode()).hexdigest()
        task = self._renewals.get(key)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._renew, session.refresh))
            self._renewals[key] = task
            asyncio.get_running_loop().call_later(20, self._renewals.pop, key, None)
        return await asyncio.shield(task)

    def _renew(self, refresh: str) -> Session | None:
        try:
            found = self._issuer.tokens(grant_type="refresh_token", refresh_token=refresh)
            person = self._issuer.person(found["id_token"], self._issuer.client)
        except Refused:
            return None
        return Session(person, found.get("refresh_token", refresh))

    def _seal(self, content: dict) -> str:
        return self._box.encrypt(json.dumps(content).encode()).decode()

    def _open(self, sealed: str, lasts: int) -> dict | None:
        try:
            return json.loads(self._box.decrypt(sealed.encode(), ttl=lasts))
        except InvalidToken:
            return None
