"""What the hub's own modules do with answers of Kubernetes and of an issuer; prints what it saw as JSON."""

import asyncio
import json
import os
import sys
from types import SimpleNamespace
from unittest.mock import MagicMock
from urllib.parse import parse_qs, urlsplit

import tornado.web
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

sys.path.insert(0, "/etc/jupyterhub")
import plinth_reasons as reasons  # noqa: E402
from plinth_access import REVOKED, UNKNOWN, PlinthAuthenticator  # noqa: E402
from plinth_images import team_images  # noqa: E402
from plinth_sign_in import CallbackHandler, LoginHandler  # noqa: E402
from plinth_spawner import SpawnFailed, _literal, _named  # noqa: E402

IMAGE = "registry/notebook:1"


def forbidden(message):
    return json.dumps({"kind": "Status", "message": message})


def pod(state=None, node="node"):
    statuses = [] if state is None else [{"name": "notebook", "state": state}]
    return {"spec": {"nodeName": node}, "status": {"containerStatuses": statuses}}


def event(reason, message):
    return {"reason": reason, "message": message}


QUOTA = (
    'pods "jupyter-ann" is forbidden: exceeded quota: team, requested: limits.memory=12884901888, '
    "used: limits.memory=3Gi, limited: limits.memory=12Gi"
)
LIMIT = 'pods "jupyter-ann" is forbidden: maximum memory usage per Container is 12Gi, but limit is 24Gi'
NO_ROOM = event("FailedScheduling", "0/2 nodes are available: 2 Insufficient memory.")
NO_VOLUME = event("FailedScheduling", "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
PULL = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
GONE = event("Failed", 'Failed to pull image "registry/notebook:1": not found')


def sentences():
    return {
        "quota": reasons.refused(403, forbidden(QUOTA), "team-a"),
        "size": reasons.refused(403, forbidden(LIMIT), "team-a"),
        "image": reasons.found(pod(PULL), [], IMAGE),
        "volume": reasons.found(pod(None, None), [NO_VOLUME], IMAGE),
        "mount": reasons.found(pod(None), [event("FailedMount", "Multi-Attach error")], IMAGE),
        "no machine": reasons.found(pod(None, None), [NO_ROOM], IMAGE),
        "memory": reasons.found(pod({"terminated": {"reason": "OOMKilled", "exitCode": 137}}), [], IMAGE),
        "late": reasons.late(None, [event("Pulling", "Pulling image")], IMAGE, 290),
        "a registry that is slow is waited for": reasons.hopeless(pod(PULL), [], IMAGE),
        "an image that isn't there is not": reasons.hopeless(pod(PULL), [GONE], IMAGE),
        "no room is waited for": reasons.hopeless(pod(None, None), [NO_ROOM], IMAGE),
        "was scheduled at last": reasons.found(pod({"waiting": {}}), [NO_ROOM], IMAGE),
    }


class Issuer:
    """Answers as an issuer does; `token` is what it answers to the next refresh."""

    token = (200, {"access_token": "fresh", "token_type": "Bearer"})
    groups = ["team-a"]

    def app(self):
        issuer = self

        class Token(tornado.web.RequestHandler):
            def post(self):
                status, body = issuer.token
                self.set_status(status)
                self.write(body)

        class Person(tornado.web.RequestHandler):
            def get(self):
                self.write({"preferred_username": "ann", "groups": issuer.groups})

        return tornado.web.Application([("/token", Token), ("/person", Person)])


class Person:
    def __init__(self, state):
        self.name, self.state, self.groups = "ann", state, ["team-a"]
        self.orm_user = SimpleNamespace(encrypted_auth_state=None if state is None else b"x")

    async def get_auth_state(self):
        return self.state

    async def save_auth_state(self, state):
        self.state = state

    def sync_groups(self, groups):
        self.groups = groups


async def access():
    issuer = Issuer()
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(issuer.app())
    server.add_sockets(sockets)
    root = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    authenticator = PlinthAuthenticator(
        token_url=f"{root}/token",
        userdata_url=f"{root}/person",
        username_claim="preferred_username",
        client_id="jupyterhub",
        client_secret="secret",
        enable_auth_state=True,
        manage_groups=True,
        allowed_groups={"team-a", "team-b", "platform-admins"},
        admin_groups={"platform-admins"},
        auth_state_groups_key=lambda state: set(state["oauth_user"].get("groups") or []),
    )

    async def ask(state={"refresh_token": "old"}):
        person = Person(state)
        answer = await authenticator.ask(person)
        kind = "revoked" if answer is REVOKED else "unknown" if answer is UNKNOWN else "granted"
        return [kind, person.groups, (person.state or {}).get("refresh_token")]

    seen = {"member": await ask()}
    issuer.token = (200, {"access_token": "fresh", "refresh_token": "new", "token_type": "Bearer"})
    seen["token exchanged"] = await ask()
    issuer.groups = ["team-b"]
    seen["other team"] = await ask()
    issuer.groups = []
    seen["no team"] = await ask()
    issuer.groups = ["team-a"]
    issuer.token = (400, {"error": "invalid_grant", "error_description": "User disabled"})
    seen["disabled"] = await ask()
    issuer.token = (401, {"error": "invalid_client"})
    seen["hub refused"] = await ask()
    issuer.token = (503, {})
    seen["issuer ill"] = await ask()
    server.stop()
    authenticator.token_url = "http://127.0.0.1:1/token"
    seen["issuer away"] = await ask()
    seen["never signed in"] = await ask(None)
    return seen


class Unknown:
    """The hub before it knows who asks."""

    def prepare(self):
        pass

    def set_default_headers(self):
        pass

    def write_error(self, status_code, **kwargs):
        pass


class Login(Unknown, LoginHandler):
    pass


class Callback(Unknown, CallbackHandler):
    async def login_user(self, data=None):
        return SimpleNamespace(name="ann")

    def get_next_url(self, user=None):
        return self._state["next_url"]


class Browser:
    def __init__(self, root, cookies=()):
        self.root, self.cookies = root, dict(cookies)

    async def open(self, path):
        told = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await AsyncHTTPClient().fetch(
            self.root + path, headers={"Cookie": told}, follow_redirects=False, raise_error=False
        )
        for cookie in answer.headers.get_list("Set-Cookie"):
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        return answer.code, answer.headers.get("Location", "")


async def sign_in():
    authenticator = PlinthAuthenticator(
        authorize_url="https://issuer/authorize",
        token_url="https://issuer/token",
        userdata_url="https://issuer/person",
        client_id="jupyterhub",
        oauth_callback_url="https://hub/hub/oauth_callback",
        scope=["openid", "offline_access"],
    )
    settings = {"authenticator": authenticator, "hub": MagicMock(), "db": MagicMock(dirty=False), "cookie_secret": b"s" * 32}
    app = tornado.web.Application([("/login", Login), ("/callback", Callback)], **settings)
    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(app)
    server.add_sockets(sockets)
    browser = Browser(f"http://127.0.0.1:{sockets[0].getsockname()[1]}")

    def wanted(location):
        told = parse_qs(urlsplit(location).query)
        return {name: told.get(name, [""])[0] for name in ("scope", "state", "code_challenge")}

    first = wanted((await browser.open("/login?next=/hub/home"))[1])
    second = wanted((await browser.open(f"/callback?code=1&state={first['state']}"))[1])
    replayed = await Browser(browser.root, browser.cookies).open(f"/callback?code=1&state={first['state']}")
    end = await browser.open(f"/callback?code=2&state={second['state']}")
    server.stop()
    return {
        "scopes": [first["scope"], second["scope"]],
        "other": first["state"] != second["state"] and first["code_challenge"] != second["code_challenge"],
        "replayed": replayed[0],
        "end": list(end),
    }


def choices():
    try:
        _named([{"name": "small"}, {"name": "large"}], "huge", "size")
    except SpawnFailed as failed:
        refused = failed.jupyterhub_message
    return {"unknown": refused, "literal": _literal({"a": ["{x}"]})}


class Listed:
    """What Kubernetes answers of the ConfigMaps of a team's images."""

    digest = f"sha256:{'1' * 64}"
    images = {
        "built": {"content": "b", "digest": digest, "built": "b"},
        "begun": {"content": "b"},
        "hindered": {"content": "b", "problem": "a wheel is missing"},
        "marked": {"content": "b", "problem": "<script>alert(1)</script>" + 1000 * "x"},
        "changed": {"content": "c", "digest": digest, "built": "b"},
        "another's": {"content": "b", "digest": f"../team-b/geo@{digest}", "built": "b"},
    }

    async def list_namespaced_config_map(self, namespace, label_selector):
        def told(name, data):
            return SimpleNamespace(metadata=SimpleNamespace(labels={label_selector: name}), data=data)

        return SimpleNamespace(items=[told(name, data) for name, data in self.images.items()])


async def images():
    team = {"namespace": "team-a", "ownImages": {"repositories": "registry/team-a", "pullSecret": "team-a-registry"}}
    found = await team_images(Listed(), team, "label")
    return {"found": {each["name"]: each for each in found}, "none": await team_images(None, {"ownImages": None}, "label")}


os.environ.setdefault("HOME", "/tmp")
print(json.dumps({"sentences": sentences(), "access": asyncio.run(access()), "signIn": asyncio.run(sign_in()), "choices": choices(), "images": asyncio.run(images())}))
