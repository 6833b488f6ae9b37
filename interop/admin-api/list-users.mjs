// Client credentials with DPoP, then GET /admin/realms/{realm}/users: a foreign client that makes its proofs by hand
// and survives a nonce challenge at either end. Prints the usernames as JSON.
// Usage: node list-users.mjs BASE_URL REALM CLIENT_ID CLIENT_SECRET
import { createHash, randomUUID } from "node:crypto";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

const [base, realm, clientId, clientSecret] = process.argv.slice(2);
const { publicKey, privateKey } = await generateKeyPair("ES256");
const jwk = await exportJWK(publicKey);

const proof = (htm, url, extra) =>
  new SignJWT({ htm, htu: url.split("?")[0], ...extra })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk })
    .setIssuedAt()
    .setJti(randomUUID())
    .sign(privateKey);

async function send(method, url, { headers, body, claims = {} }) {
  const attempt = async (nonce) =>
    fetch(url, {
      method,
      body,
      headers: { ...headers, DPoP: await proof(method, url, nonce ? { ...claims, nonce } : claims) },
    });
  const first = await attempt();
  const nonce = first.headers.get("dpop-nonce");
  return !first.ok && nonce ? attempt(nonce) : first;
}

const tokenUrl = `${base}/realms/${realm}/protocol/openid-connect/token`;
const tokenResponse = await send("POST", tokenUrl, {
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams({
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: clientSecret,
  }),
});
if (!tokenResponse.ok) throw new Error(`token endpoint: ${tokenResponse.status} ${await tokenResponse.text()}`);
const { access_token: token, token_type: type } = await tokenResponse.json();
if (type !== "DPoP") throw new Error(`token_type is ${type}`);

const usersUrl = `${base}/admin/realms/${realm}/users?first=0&max=5`;
const ath = createHash("sha256").update(token).digest("base64url");
const users = await send("GET", usersUrl, { headers: { Authorization: `DPoP ${token}` }, claims: { ath } });
if (!users.ok) throw new Error(`users: ${users.status} ${users.headers.get("www-authenticate")}`);

const asBearer = await fetch(usersUrl, { headers: { Authorization: `Bearer ${token}` } });
if (asBearer.status !== 401) throw new Error(`bound token as Bearer: ${asBearer.status}`);

console.log(JSON.stringify((await users.json()).map((user) => user.username)));
