"""Who may sign in, and as what: people come from the issuer, roles from its claim `groups`."""

import os

import plinth_teams
from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from airflow.providers.fab.auth_manager.views.auth_oauth import CustomAuthOAuthView
from flask import abort, session
from flask_appbuilder import expose
from flask_appbuilder.const import AUTH_OAUTH

PROVIDER = "plinth"

AUTH_TYPE = AUTH_OAUTH
AUTH_ROLES_MAPPING = {
    "platform-admins": ["Admin"],
    # What a team's members may do with DAGs in general, and to which: see airflow_local_settings.py.
    **{team: ["Member", team] for team in plinth_teams.TEAMS},
}
AUTH_ROLES_SYNC_AT_LOGIN = True
AUTH_USER_REGISTRATION = True
# A role without a permission, in case a group has no role.
AUTH_USER_REGISTRATION_ROLE = "Public"
OAUTH_PROVIDERS = [
    {
        "name": PROVIDER,
        "icon": "fa-key",
        "token_key": "access_token",
        "remote_app": {
            # Absent where roles are only brought up to date: nobody signs in there.
            "client_id": os.environ.get("OIDC_CLIENT_ID"),
            "client_secret": os.environ.get("OIDC_CLIENT_SECRET"),
            "server_metadata_url": f"{os.environ.get('OIDC_ISSUER')}/.well-known/openid-configuration",
            "client_kwargs": {
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "verify": os.environ.get("OIDC_AUTHORITY", True),
            },
        },
    }
]
WTF_CSRF_ENABLED = True
SESSION_COOKIE_SECURE = True


class SignIn(CustomAuthOAuthView):
    """There is one issuer to choose from, so nobody is asked which; a failure is shown instead of tried again."""

    @expose("/login/")
    @expose("/login/<provider>")
    def login(self, provider=None):
        failed = "_flashes" in session
        return super().login(provider if provider or failed else PROVIDER)


class SecurityManager(FabAirflowSecurityManagerOverride):
    authoauthview = SignIn

    def set_oauth_session(self, provider, oauth_response):
        """Nothing is asked of the issuer later, so its token isn't kept in the browser's cookie."""

    def get_oauth_user_info(self, provider, resp):
        # Claims of the ID token, whose signature has been checked.
        claims = resp["userinfo"]
        return {
            "username": claims["preferred_username"],
            "email": claims.get("email", ""),
            "first_name": claims.get("given_name", ""),
            "last_name": claims.get("family_name", ""),
            "role_keys": claims.get("groups", []),
        }

    def auth_user_oauth(self, userinfo, rotate_session_id=True):
        if not set(userinfo["role_keys"]) & set(AUTH_ROLES_MAPPING):
            abort(403, "You belong to no team of this platform.")
        return super().auth_user_oauth(userinfo, rotate_session_id)


SECURITY_MANAGER_CLASS = SecurityManager
