"""Reads the world and then requests as JSON lines, answers each with the verdicts of two independent verifiers: an empty
text is a good word, any other the reason against the request."""

import base64
import hashlib
import json
import re
import sys
from datetime import datetime, timezone

import jwskate
import requests_oauth2client.dpop
from hyperlink import URL
from joserfc import jwk, jwt
from joserfc.jws import JWSRegistry

world = json.loads(sys.stdin.readline())
NOW, WINDOW, ALGORITHMS = world["now"], world["window"], world["algorithms"]


class Clock(datetime):
    """The time of the requests, for a library that looks at the clock."""

    @classmethod
    def now(cls, tz=None):
        return datetime.fromtimestamp(NOW, tz=tz or timezone.utc)


requests_oauth2client.dpop.datetime = Clock

ISSUER_KEYS = jwk.KeySet.import_key_set(world["keys"])
REGISTRY = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
# An RSA key does not fit into the default of 512 bytes.
REGISTRY.max_header_length = 8192


class Refused(Exception):
    pass


def demand(holds, what):
    if not holds:
        raise Refused(what)


def one(values):
    demand(len(values) == 1, f"{len(values)} header fields")
    return values[0]


def presented_token(request):
    match = re.fullmatch(r"(\S+) +(\S+)", one(request["authorization"]))
    demand(match and match[1].lower() == "dpop", "scheme")
    return match[2]


def hash_of(token):
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def normal_form(uri):
    """RFC 3986, section 6.2.2, by a library; query and fragment cut off."""
    url = URL.from_text(uri).replace(query=(), fragment="")
    demand(url.absolute and url.host, "htu is not absolute")
    return url.normalize().to_text(with_password=True)


def over_joserfc(request):
    """A check that follows the list of RFC 9449, section 4.3, over a JOSE library; htu is compared in its normal form."""
    token = presented_token(request)
    access_token = jwt.decode(token, ISSUER_KEYS, algorithms=["ES256"])
    jwt.JWTClaimsRegistry(
        now=NOW,
        leeway=WINDOW,
        iss={"essential": True, "value": world["issuer"]},
        aud={"essential": True, "value": world["audience"]},
        exp={"essential": True},
    ).validate(access_token.claims)

    def embedded_key(signed):
        key = jwk.import_key(signed.headers()["jwk"])
        demand(not key.is_private, "jwk is private")
        return key

    proof = jwt.decode(one(request["proofs"]), embedded_key, registry=REGISTRY)
    demand(proof.header["typ"] == "dpop+jwt", "typ")
    essential = {name: {"essential": True} for name in ("jti", "htm", "htu", "iat", "ath")}
    jwt.JWTClaimsRegistry(now=NOW, leeway=WINDOW, **essential).validate(proof.claims)
    claims = proof.claims
    demand(NOW - WINDOW <= claims["iat"] <= NOW + WINDOW, "iat")
    demand(isinstance(claims["jti"], str), "jti")
    demand(claims["htm"] == request["method"], "htm")
    demand(normal_form(claims["htu"]) == normal_form(request["url"]), "htu")
    demand(request["nonce"] is None or claims["nonce"] == request["nonce"], "nonce")
    demand(claims["ath"] == hash_of(token), "ath")
    demand(jwk.import_key(proof.header["jwk"]).thumbprint() == access_token.claims["cnf"]["jkt"], "cnf.jkt")


def requests_oauth2client_(request):
    """The library's own check of a proof. It wants to be told the algorithm, and has no opinion on access tokens, so that
    only the thumbprint is compared here."""
    if request["concerns_token"]:
        return None
    token = presented_token(request)
    algorithm = jwskate.SignedJwt(one(request["proofs"])).headers["alg"]
    demand(algorithm in ALGORITHMS, "alg")
    proof = requests_oauth2client.dpop.validate_dpop_proof(
        one(request["proofs"]),
        htm=request["method"],
        htu=request["url"].split("?")[0],
        ath=hash_of(token),
        nonce=request["nonce"],
        leeway=WINDOW,
        algs=[algorithm],
    )
    payload = token.split(".")[1]
    bound_to = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["cnf"]["jkt"]
    thumbprint = jwskate.Jwk(proof.headers["jwk"]).thumbprint()
    demand(thumbprint == bound_to, "cnf.jkt")
    return ""


def verdict(judge, request):
    try:
        return judge(request)
    except Exception as error:  # Whatever a library raises: it refuses.
        return f"{type(error).__name__}: {error}"


for line in sys.stdin:
    asked = json.loads(line)
    answer = {
        "joserfc": verdict(lambda request: over_joserfc(request) or "", asked),
        "requests-oauth2client": verdict(requests_oauth2client_, asked),
    }
    print(json.dumps(answer))
