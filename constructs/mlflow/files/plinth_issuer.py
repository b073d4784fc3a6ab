"""The OpenID Connect issuer as the server sees it: its addresses, its keys, and who somebody is by a token of it."""

import threading
import time
from dataclasses import dataclass

import jwt
import requests

# Signed by the issuer's private key; never by a secret that others share.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"]
# Keys are looked up again after this many seconds, so that one the issuer gave up ends here too.
KEYS_LAST = 300.0
# Tokens of unknown keys make nobody ask the issuer more often than this.
KEYS_PAUSE = 10.0


class Refused(Exception):
    """The issuer, or a check of what it said, turns somebody away."""


class Unreachable(Exception):
    """The issuer doesn't answer: nobody can tell who somebody is."""


@dataclass(frozen=True)
class Person:
    """Who asks: somebody in a browser, or what a team runs."""

    name: str
    groups: frozenset[str]
    # When the token that says so ends, in seconds since the epoch.
    until: float


class Issuer:
    def __init__(self, url: str, client: str, secret: str, authority: str | None) -> None:
        self.url = url
        self.client = client
        self._secret = secret
        self._trust: str | bool = authority or True
        self._found: dict[str, str] = {}
        self._keys: dict[str, jwt.PyJWK] = {}
        self._keys_at = float("-inf")
        self._lock = threading.Lock()

    def address(self, name: str) -> str:
        """An address of the issuer's, e.g. `token_endpoint`. Raises `Unreachable`."""
        if not self._found:
            found = self._ask("GET", f"{self.url}/.well-known/openid-configuration")
            if found.get("issuer") != self.url:
                raise Unreachable(f"{self.url} calls itself {found.get('issuer')!r}")
            self._found = found
        return self._found[name]

    def person(self, token: str, audience: str, nonce: str | None = None) -> Person:
        """Checks a token of this issuer for an audience. Raises `Refused`, `Unreachable`."""
        try:
            claims = jwt.decode(
                token,
                self._key(jwt.get_unverified_header(token).get("kid")),
                algorithms=ALGORITHMS,
                audience=audience,
                issuer=self.url,
                leeway=5,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Refused(f"the token isn't valid here: {error}") from error
        if nonce is not None and claims.get("nonce") != nonce:
            raise Refused("the token belongs to another attempt to sign in")
        groups = claims.get("groups", [])
        if not isinstance(groups, list):
            raise Refused("the token's claim `groups` isn't a list")
        name = claims.get("preferred_username") or claims.get("azp") or claims["sub"]
        known = frozenset(group for group in groups if isinstance(group, str))
        return Person(str(name), known, float(claims["exp"]))

    def tokens(self, **form: str) -> dict[str, str]:
        """What the token endpoint gives for a code or a refresh token. Raises `Refused`, `Unreachable`."""
        data = {"client_id": self.client, "client_secret": self._secret, **form}
        return self._ask("POST", self.address("token_endpoint"), data)

    def _key(self, kid: str | None) -> jwt.PyJWK:
        kid = kid or ""
        with self._lock:
            age = time.monotonic() - self._keys_at
            if age > KEYS_LAST or (kid not in self._keys and age > KEYS_PAUSE):
                self._fetch_keys(known=kid in self._keys)
            key = self._keys.get(kid)
        if key is None:
            raise Refused("no key of the issuer signed the token")
        return key

    def _fetch_keys(self, known: bool) -> None:
        try:
            found = self._ask("GET", self.address("jwks_uri"))
        except (Unreachable, Refused):
            # While the issuer, or the way to it, starts again, tokens are checked with the keys that are known.
            if not known:
                raise
            self._keys_at = time.monotonic() - KEYS_LAST + KEYS_PAUSE
            return
        signing = [key for key in found["keys"] if key.get("use", "sig") == "sig"]
        self._keys = {key.key_id or "": key for key in jwt.PyJWKSet(signing).keys}
        self._keys_at = time.monotonic()

    def _ask(self, method: str, url: str, data: dict[str, str] | None = None) -> dict:
        try:
            answer = requests.request(method, url, data=data, timeout=20, verify=self._trust, allow_redirects=False)
            content = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise Unreachable(f"{url}: {error}") from error
        if answer.status_code in (400, 401):
            raise Refused(f"the issuer says {content.get('error')}")
        if answer.status_code != 200:
            raise Unreachable(f"{url}: status {answer.status_code}")
        return content
