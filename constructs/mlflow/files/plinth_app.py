"""MLflow's server behind the issuer: `mlflow server --app-name plinth`.

Jobs bring a token of the issuer (`Authorization: Bearer`), browsers a session. Whoever has neither is sent to sign
in, or answered 401. Every request goes on with exactly one workspace, chosen here, whatever it came with.
"""

import asyncio
import json
import os
from urllib.parse import parse_qsl, urlsplit

from plinth_access import Access, Denied, reads
from plinth_issuer import Issuer, Person, Refused, Unreachable
from plinth_sessions import CALLBACK, SIGN_OUT, Redirect, Sessions

# What probes and clients ask before they know anybody.
OPEN = frozenset({"/health", "/version"})
WORKSPACE = b"x-mlflow-workspace"
# The server behind has no use for them, and can't give away what it hasn't.
KEPT_BACK = frozenset({WORKSPACE, b"authorization", b"cookie"})


def create_app() -> "SignedIn":
    from mlflow.server.fastapi_app import app

    client = {name: _setting(f"OIDC_{name}") for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")}
    issuer = Issuer(
        client["ISSUER"], client["CLIENT_ID"], client["CLIENT_SECRET"], os.environ.get("PLINTH_OIDC_AUTHORITY")
    )
    url = _setting("URL")
    access = Access(frozenset(_setting("TEAMS").split()))
    return SignedIn(app, issuer, Sessions(issuer, url, _setting("SESSION_KEY")), access, url)


def _setting(name: str) -> str:
    return os.environ[f"PLINTH_{name}"]


class SignedIn:
    def __init__(self, app, issuer: Issuer, sessions: Sessions, access: Access, url: str) -> None:
        self._app = app
        self._issuer = issuer
        self._sessions = sessions
        self._access = access
        self._url = url
        self._host = urlsplit(url).netloc.encode()

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers = dict(scope["headers"])
        if scope["path"] in OPEN or (scope["path"] == "/metrics" and headers.get(b"host") != self._host):
            # Prometheus asks a pod by its own address, which no gateway passes on.
            return await self._app(_scoped(scope, None), receive, send)
        try:
            return await self._serve(scope, receive, send, headers)
        except Refused as error:
            answer = _error(401, "UNAUTHENTICATED", str(error))
        except Denied as error:
            answer = _error(403, "PERMISSION_DENIED", str(error))
        except Unreachable as error:
            print(f"plinth: the issuer can't be asked: {error}", flush=True)
            answer = _error(503, "TEMPORARILY_UNAVAILABLE", "who you are can't be asked right now; try again")
        return await answer(send)

    async def _serve(self, scope, receive, send, headers) -> None:
        method, path, cookies = scope["method"], scope["path"], _cookies(headers)
        if path == CALLBACK:
            query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
            return await _redirect(await asyncio.to_thread(self._sessions.finish, query, cookies))(send)
        if path == SIGN_OUT:
            return await _redirect(await asyncio.to_thread(self._sessions.end))(send)
        person, fresh = await self._who(method, headers, cookies)
        if person is None:
            if method == "GET" and b"text/html" in headers.get(b"accept", b""):
                query = scope["query_string"].decode("latin-1")
                back = f"{path}?{query}" if query else path
                return await _redirect(await asyncio.to_thread(self._sessions.begin, back))(send)
            raise Refused("sign in, or send a token of the issuer: Authorization: Bearer")
        if fresh is not None:
            send = _with_cookie(send, fresh)
        workspaces = path.partition("/mlflow/workspaces")
        if workspaces[1]:
            if workspaces[2].strip("/") == "" and method == "GET":
                return await (await asyncio.to_thread(self._list, person))(send)
            self._may_manage(person, method, workspaces[2].strip("/"))
            return await self._app(_scoped(scope, None), receive, send)
        asked = headers.get(WORKSPACE, b"").decode("latin-1").strip() or None
        workspace = self._access.workspace(person, asked, reads(method, path))
        return await self._app(_scoped(scope, workspace), receive, send)

    async def _who(self, method: str, headers, cookies: dict[str, str]) -> tuple[Person | None, str | None]:
        """Who asks, and the cookie to give them; nobody where nothing says so."""
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer":
            return await asyncio.to_thread(self._issuer.person, token.strip(), self._issuer.client), None
        found = await self._sessions.current(cookies)
        if found is None:
            return None, None
        origin = headers.get(b"origin")
        if origin is not None and method != "GET" and origin.decode("latin-1") != self._url:
            raise Denied("a page of another address may change nothing here")
        session, renewed = found
        return session.person, self._sessions.kept(session) if renewed else None

    def _list(self, person: Person):
        from mlflow.server.workspace_helpers import _get_workspace_store

        known = {each.name: each for each in _get_workspace_store().list_workspaces()}
        seen = self._access.visible(person, known)
        return _json(200, {"workspaces": [{"name": name, "description": known[name].description} for name in seen]})

    def _may_manage(self, person: Person, method: str, name: str) -> None:
        if self._access.administers(person):
            return
        if method == "GET" and name in self._access.visible(person, [name]):
            return
        raise Denied(f"{person.name} may not look at or change workspace {name or 'lists'}")


def _scoped(scope, workspace: str | None):
    headers = [(name, value) for name, value in scope["headers"] if name.lower() not in KEPT_BACK]
    return {**scope, "headers": headers if workspace is None else [*headers, (WORKSPACE, workspace.encode())]}


def _cookies(headers) -> dict[str, str]:
    pairs = (each.strip().partition("=") for each in headers.get(b"cookie", b"").decode("latin-1").split(";"))
    return {name: value for name, _, value in pairs}


def _with_cookie(send, value: str):
    async def sends(message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), (b"set-cookie", value.encode())]}
        await send(message)

    return sends


def _answer(status: int, headers: list[tuple[bytes, bytes]], body: bytes):
    async def answers(send) -> None:
        own = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": [*headers, *own]})
        await send({"type": "http.response.body", "body": body})

    return answers


def _json(status: int, content: dict, *headers: tuple[bytes, bytes]):
    return _answer(status, [(b"content-type", b"application/json"), *headers], json.dumps(content).encode())


def _error(status: int, code: str, message: str):
    challenge = [(b"www-authenticate", b"Bearer")] if status == 401 else []
    return _json(status, {"error_code": code, "message": message}, *challenge)


def _redirect(redirect: Redirect):
    cookies = [(b"set-cookie", each.encode()) for each in redirect.cookies]
    return _answer(302, [(b"location", redirect.to.encode()), *cookies], b"")
