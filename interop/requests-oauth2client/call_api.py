"""Client credentials with DPoP and a call through the gateway, by a foreign client that meets nonces at both ends.

Usage: call_api.py ISSUER CLIENT_ID CLIENT_SECRET API
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

response = requests.get(api, auth=token, timeout=10)
assert response.status_code == 200, f"API: {response.status_code} {response.headers.get('WWW-Authenticate')}"
seen = response.json()["headers"]
assert "Dpop" in seen and seen["Authorization"][0].startswith("DPoP "), "the upstream saw no proof"

as_bearer = requests.get(api, headers={"Authorization": f"Bearer {token.access_token}"}, timeout=10)
assert as_bearer.status_code == 401 and 'error="invalid_token"' in as_bearer.headers["WWW-Authenticate"]
print("all good")
