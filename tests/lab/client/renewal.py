"""A client whose token the server refuses gets another and goes on; prints how often it asked the issuer."""

import json

import mlflow
from plinth._tokens import team_tokens

tokens = team_tokens()
fetch, asked = tokens._fetch, []


def counted():
    asked.append(1)
    return fetch()


tokens._fetch = counted
first = tokens.token()
known = tokens._token
# As if it had been revoked: it is still valid by its time, and isn't by its signature.
tokens._token = type(known)(f"{known.text[:-8]}AAAAAAAA", known.renew_at, known.ends_at)
found = mlflow.search_experiments(max_results=1)
print(json.dumps({"asked": len(asked), "lasts": round(known.ends_at - known.renew_at), "found": len(found)}))
