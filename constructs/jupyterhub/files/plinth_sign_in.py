"""How people sign in at the hub: with a session that every page shares, and then an offline one for the hub alone.

Keycloak (26.1 and later) turns the session of a browser into the offline one if that is the first that is asked for in
it: the next page would ask for the password again. So the hub asks twice, and the second time there is a session that
answers for the person.
"""

from oauthenticator.oauth2 import OAuthCallbackHandler, OAuthLoginHandler, _deserialize_state

OFFLINE = "offline_access"
# What marks the state of the second request, which comes back from the browser in a signed cookie.
SECOND = "offline-"


class LoginHandler(OAuthLoginHandler):
    def authorize_redirect(self, *args, scope=None, **kwargs):
        return super().authorize_redirect(*args, scope=[each for each in scope or [] if each != OFFLINE], **kwargs)


class CallbackHandler(OAuthCallbackHandler, OAuthLoginHandler):
    async def get(self):
        self.check_arguments()
        if self._state["state_id"].startswith(SECOND):
            await OAuthCallbackHandler.get(self)
        else:
            # The code that came is left to expire: what counts is the session that it was given for.
            OAuthLoginHandler.get(self)

    @property
    def _state(self):
        return _deserialize_state(self.get_state_cookie())

    def _generate_state_id(self):
        return f"{SECOND}{super()._generate_state_id()}"

    def _get_next_url(self):
        return self._state.get("next_url")
