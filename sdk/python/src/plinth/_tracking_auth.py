"""How MLflow's own client signs its requests on the platform: `MLFLOW_TRACKING_AUTH=plinth`."""

from __future__ import annotations

from typing import Any

import requests
from mlflow.tracking.request_auth.abstract_request_auth_provider import RequestAuthProvider
from requests.auth import AuthBase

from plinth._tokens import TeamTokens, team_tokens


class TeamAuth(AuthBase):
    """Puts the team's token on a request, and sends it once more with another if the server says 401."""

    def __init__(self, tokens: TeamTokens) -> None:
        self._tokens = tokens

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self._tokens.token()
        request.headers["Authorization"] = f"Bearer {token}"
        start = _position(request.body)
        tried = False

        def again(response: requests.Response, **options: Any) -> requests.Response:
            nonlocal tried
            if response.status_code != 401 or tried or start is None:
                return response
            tried = True
            response.content  # noqa: B018 - read to its end, so that the connection can be used again
            response.close()
            repeated = response.request.copy()
            repeated.headers["Authorization"] = f"Bearer {self._tokens.instead_of(token)}"
            if repeated.body is not None and not isinstance(repeated.body, str | bytes):
                repeated.body.seek(start)
            answer: requests.Response = response.connection.send(repeated, **options)  # type: ignore[attr-defined]
            answer.history.append(response)
            answer.request = repeated
            return answer

        request.register_hook("response", again)  # type: ignore[no-untyped-call]
        return request


def _position(body: Any) -> int | None:
    """Where a body must begin again; nothing where it can be sent only once."""
    if body is None or isinstance(body, str | bytes):
        return 0
    try:
        return int(body.tell())
    except (AttributeError, OSError):
        return None


class TeamAuthProvider(RequestAuthProvider):  # type: ignore[misc]
    def get_name(self) -> str:
        return "plinth"

    def get_auth(self) -> TeamAuth:
        return TeamAuth(team_tokens())
