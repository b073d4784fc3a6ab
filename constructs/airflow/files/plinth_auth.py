"""FAB's auth manager, at which programs sign in too: with a token of the issuer's they get one for Airflow's API."""

import json
import os
import ssl
import time
import urllib.request
from functools import cache

import jwt
from airflow.configuration import conf
from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from fastapi import HTTPException

# Signed by the issuer's private key; never by a secret that others share.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"]


@cache
def _keys():
    trust = ssl.create_default_context(cafile=os.environ.get("OIDC_AUTHORITY"))
    address = f"{os.environ['OIDC_ISSUER']}/.well-known/openid-configuration"
    with urllib.request.urlopen(address, timeout=20, context=trust) as answer:
        return jwt.PyJWKClient(json.load(answer)["jwks_uri"], lifespan=300, timeout=20, ssl_context=trust)


def _claims(token):
    try:
        return jwt.decode(
            token,
            _keys().get_signing_key_from_jwt(token),
            algorithms=ALGORITHMS,
            audience=os.environ["OIDC_CLIENT_ID"],
            issuer=os.environ["OIDC_ISSUER"],
            leeway=5,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
    except (OSError, jwt.PyJWKClientConnectionError) as error:
        raise HTTPException(503, "The issuer of the token doesn't answer.") from error
    except jwt.PyJWTError:
        return None


# Airflow gives a team's role its DAGs only where the name of the class has `FabAuthManager` in it.
class IssuerFabAuthManager(FabAuthManager):
    def create_token(self, headers, body):
        """POST /auth/token: `Authorization: Bearer` with the issuer's token, and any JSON object as the body."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        claims = _claims(token.strip()) if scheme.lower() == "bearer" else None
        if claims is None:
            return None
        groups = claims.get("groups", [])
        if not set(groups) & set(self.security_manager.auth_roles_mapping):
            raise HTTPException(403, "You belong to no team of this platform.")
        name = claims.get("preferred_username") or claims.get("azp") or claims["sub"]
        person = {"username": name, "email": claims.get("email", ""), "role_keys": groups}
        user = self.security_manager.auth_user_oauth(person, rotate_session_id=False)
        if user is not None:
            user.signed_in_until = claims["exp"]
        return user

    def generate_jwt(self, user, *, expiration_time_in_seconds=None):
        """A token that was given for another ends no later than that one."""
        seconds = expiration_time_in_seconds or conf.getint("api_auth", "jwt_expiration_time")
        until = getattr(user, "signed_in_until", None)
        if until is not None:
            seconds = max(1, min(seconds, int(until - time.time())))
        return super().generate_jwt(user, expiration_time_in_seconds=seconds)
