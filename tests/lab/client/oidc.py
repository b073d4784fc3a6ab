"""Gets a token with a team's own credentials, mounted as a Secret, and prints what it says.

usage: oidc.py FOLDER [SECRET]; another SECRET than the mounted one shows that it is refused.
"""

import base64
import json
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

folder = Path(sys.argv[1])
issuer = (folder / "issuer").read_text()
client = (folder / "clientId").read_text()
secret = sys.argv[2] if len(sys.argv) > 2 else (folder / "clientSecret").read_text()
trust = ssl.create_default_context(cafile=str(folder / "ca.crt"))


def ask(url: str, form: dict[str, str] | None = None) -> dict:
    body = None if form is None else urllib.parse.urlencode(form).encode()
    try:
        with urllib.request.urlopen(url, body, timeout=30, context=trust) as response:
            return json.loads(response.read())
    except urllib.error.HTTPError as error:
        return {"refused": error.code}


found = ask(f"{issuer}/.well-known/openid-configuration")
form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
answer = ask(found["token_endpoint"], form)
claims = {}
if "access_token" in answer:
    payload = answer["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
print(
    json.dumps(
        {
            "issuer": found["issuer"],
            "keys": found["jwks_uri"],
            "refused": answer.get("refused"),
            "expires": answer.get("expires_in"),
            "iss": claims.get("iss"),
            "groups": claims.get("groups"),
        }
    )
)
