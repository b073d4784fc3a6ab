"""Who may use the hub, asked again and again: what is withdrawn at the issuer ends here within minutes.

Every session keeps a refresh token of the issuer. With it the hub asks, once in a while and before every start,
whether the person is still there and to which teams it belongs. Only a plain no ends anything: an issuer that doesn't
answer leaves what runs alone, and is counted.
"""

import asyncio
from collections import defaultdict

from jupyterhub import orm
from oauthenticator.generic import GenericOAuthenticator
from plinth_sign_in import CallbackHandler, LoginHandler
from prometheus_client import Counter
from tornado.httpclient import HTTPClientError
from tornado.web import HTTPError
from traitlets import Integer

CHECKS = Counter("plinth_hub_access_checks", "Answers to whether a person may still use the hub", ["answer"])
for each in ("granted", "revoked", "unknown"):
    CHECKS.labels(each)

REVOKED = object()
UNKNOWN = object()


class PlinthAuthenticator(GenericOAuthenticator):
    login_handler = LoginHandler
    callback_handler = CallbackHandler
    access_seconds = Integer(60, config=True, help="How often everybody's access is asked for again.")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._asking = defaultdict(asyncio.Lock)
        self._sweeper = None

    def get_handlers(self, app):
        # The hub asks for these once, when its loop runs and before it serves.
        if self._sweeper is None:
            self._sweeper = asyncio.ensure_future(self._sweep_forever())
        return super().get_handlers(app)

    async def authenticate(self, handler, data=None, **kwargs):
        model = await super().authenticate(handler, data, **kwargs)
        if model and not model["auth_state"].get("refresh_token"):
            self.log.error("The issuer gives no refresh token: the client must be allowed the scope offline_access")
            raise HTTPError(500, "The issuer gave no refresh token; tell a platform administrator.")
        return model

    async def refresh_user(self, user, handler=None, **kwargs):
        answer = await self.ask(user)
        if answer is REVOKED:
            return False
        return True if answer is UNKNOWN else answer

    async def ask(self, user):
        """What the issuer says of a person just now: the model of the session, REVOKED or UNKNOWN."""
        async with self._asking[user.name]:
            answer = await self._ask(user)
            if isinstance(answer, dict):
                # The issuer may have exchanged the refresh token: the former is good for nothing.
                await user.save_auth_state(answer["auth_state"])
                user.sync_groups(answer["groups"])
        kind = {id(REVOKED): "revoked", id(UNKNOWN): "unknown"}.get(id(answer), "granted")
        CHECKS.labels(kind).inc()
        return answer

    async def _ask(self, user):
        state = await user.get_auth_state()
        if not state:
            return REVOKED if user.orm_user.encrypted_auth_state is None else UNKNOWN
        token = state["refresh_token"]
        try:
            info = await self.get_token_info(None, self.build_refresh_token_request_params(token))
            info.setdefault("refresh_token", token)
            model = await self._token_to_auth_model(info)
        except HTTPClientError as error:
            body = error.response.body if error.response is not None and error.response.body else b""
            if error.code == 400 and b"invalid_grant" in body:
                return REVOKED
            self.log.warning("The issuer doesn't say whether %s may stay: %s", user.name, error)
            return UNKNOWN
        except Exception as error:
            self.log.warning("The issuer doesn't say whether %s may stay: %r", user.name, error)
            return UNKNOWN
        if model["name"] != user.name:
            return REVOKED
        try:
            allowed = await self.check_allowed(user.name, model)
        except HTTPError:
            allowed = False
        return model if allowed else REVOKED

    async def _sweep_forever(self):
        while True:
            await asyncio.sleep(self.access_seconds)
            try:
                await self._sweep()
            except Exception:
                self.log.exception("Access of people wasn't asked for")

    async def _sweep(self):
        app = self.parent
        known = app.db.query(orm.User).filter(orm.User.encrypted_auth_state.isnot(None)).all()
        for name in [each.name for each in known]:
            found = orm.User.find(app.db, name)
            if found is None:
                continue
            user = app.users[found]
            try:
                await self._enforce(user)
            except Exception:
                self.log.exception("Access of %s wasn't asked for", name)

    async def _enforce(self, user):
        answer = await self.ask(user)
        if answer is UNKNOWN:
            return
        groups = set() if answer is REVOKED else set(answer["groups"])
        if answer is REVOKED:
            await self._forget(user)
        elif answer.get("admin") is not None:
            user.admin = answer["admin"]
            self.parent.db.commit()
        for name, spawner in list(user.spawners.items()):
            if not spawner.ready or spawner.team in groups:
                continue
            self.log.warning("Stopping %s: %s isn't in %s any more", spawner._log_name, user.name, spawner.team)
            await self.parent.proxy.delete_user(user, name)
            await user.stop(name)

    async def _forget(self, user):
        self.log.warning("%s may not use the hub any more", user.name)
        user.sync_groups([])
        user.admin = False
        await user.save_auth_state(None)
        for token in list(user.orm_user.api_tokens):
            self.parent.db.delete(token)
        self.parent.db.commit()
