"""A token and calls of an example, right and wrong, by a foreign client. Prints a line for each step: what the servers
answered, in order.

Usage: call_an_example.py ISSUER CLIENT_ID CLIENT_SECRET API; in the environment SCOPE, OTHER_NODE (another address of the API),
REVOKE
"""

import os
import re
import sys
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from requests_oauth2client import DPoPKey, DPoPToken, OAuth2Client

issuer, client_id, client_secret, api = sys.argv[1:5]
scope, other_node, revoke = (os.environ.get(name) for name in ("SCOPE", "OTHER_NODE", "REVOKE"))
answers = []


class Recorder(HTTPAdapter):
    """Sees every request, those that the client repeats by itself too."""

    def send(self, request, **kwargs):
        response = super().send(request, **kwargs)
        found = re.search(r'error="([a-z_]+)"', response.headers.get("WWW-Authenticate", ""))
        is_json = not response.ok and "json" in response.headers.get("Content-Type", "")
        told = found.group(1) if found else response.json().get("error") if is_json else None
        answers.append(f"{response.status_code} {told}" if told else str(response.status_code))
        return response


session = requests.Session()
session.mount("http://", Recorder())
session.mount("https://", Recorder())
client = OAuth2Client(
    token_endpoint=f"{issuer}/protocol/openid-connect/token",
    revocation_endpoint=f"{issuer}/protocol/openid-connect/revoke",
    client_id=client_id,
    client_secret=client_secret,
    dpop_bound_access_tokens=True,
    session=session,
    testing=True,
)


def step(name, act):
    answers.clear()
    result = act()
    print(f"{name}: {', then '.join(answers)}")
    return result


def token(**parameters):
    granted = client.client_credentials(dpop_key=key, **parameters)
    assert isinstance(granted, DPoPToken), f"token_type is {granted.token_type}"
    return granted


def call(auth):
    return session.get(api, auth=auth, timeout=10)


def with_proof(auth, url=api):
    """The header fields of a call, to be sent by themselves: what is refused here must not be tried again."""
    prepared = requests.Request("GET", url, auth=auth).prepare()
    return {name: prepared.headers[name] for name in ("Authorization", "DPoP")}


def send(headers, url=api):
    return session.get(url, headers=headers, timeout=10)


key = DPoPKey.generate()
good = step("token", token)
if scope:
    step("call without the scope", lambda: call(good))
    good = step("token with the scope", lambda: token(scope=scope))
step("good call", lambda: call(good))
used = with_proof(good)
step("next call", lambda: send(used))
step("replayed proof", lambda: send(used))
elsewhere = with_proof(good, urljoin(api, "/elsewhere"))
step("proof for another URL", lambda: send(elsewhere))
stolen = DPoPToken(good.access_token, _dpop_key=DPoPKey.generate(rs_nonce=key.rs_nonce))
step("proof by another key", lambda: send(with_proof(stolen)))
step("bound token as Bearer", lambda: send({"Authorization": f"Bearer {good.access_token}"}))
step("no credentials", lambda: send({}))
if other_node:
    again = with_proof(good)
    send(again)
    step("replay at another node", lambda: send(again, other_node))
if revoke:
    assert client.revoke_access_token(good.access_token), "the token was not revoked"
    step("revoked token", lambda: send(with_proof(good)))
