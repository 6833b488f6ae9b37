"""Client credentials with DPoP and two calls through a proxy that asks the gateway, by a foreign client.

Usage: call_through_a_front.py ISSUER CLIENT_ID CLIENT_SECRET API
"""

import sys

import requests
from requests_oauth2client import DPoPToken, OAuth2Client

issuer, client_id, client_secret, api = sys.argv[1:5]
client = OAuth2Client(
    token_endpoint=f"{issuer}/protocol/openid-connect/token",
    client_id=client_id,
    client_secret=client_secret,
    dpop_bound_access_tokens=True,
    testing=True,
)
token = client.client_credentials()
assert isinstance(token, DPoPToken), f"token_type is {token.token_type}"

for time in ("first", "second"):
    response = requests.get(api, auth=token, timeout=10)
    challenge = response.headers.get("WWW-Authenticate")
    assert response.status_code == 200, f"{time} call: {response.status_code} {challenge}"

as_bearer = requests.get(api, headers={"Authorization": f"Bearer {token.access_token}"}, timeout=10)
assert as_bearer.status_code == 401 and 'error="invalid_token"' in as_bearer.headers["WWW-Authenticate"]
