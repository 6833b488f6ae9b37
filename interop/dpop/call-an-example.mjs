// A token and calls of an example, right and wrong, with the foreign proofs of `dpop` and nothing but `fetch` beside. Prints
// a line for each step: what the servers answered, in order.
// Usage: node call-an-example.mjs ISSUER CLIENT_ID CLIENT_SECRET API; in the environment SCOPE, OTHER_NODE (another address of the API), REVOKE
import * as DPoP from "dpop";

const [issuer, clientId, clientSecret, api] = process.argv.slice(2);
const { SCOPE: scope, OTHER_NODE: otherNode, REVOKE: revoke } = process.env;
const key = await DPoP.generateKeyPair("Ed25519");
const thiefs = await DPoP.generateKeyPair("Ed25519");
const nonces = new Map();

let answers = [];
async function recorded(url, request) {
  const response = await fetch(url, request);
  const challenge = response.headers.get("www-authenticate")?.match(/error="([a-z_]+)"/)?.[1];
  const told = response.ok ? undefined : (challenge ?? (await response.clone().json().catch(() => ({}))).error);
  answers.push([response.status, told].filter(Boolean).join(" "));
  const nonce = response.headers.get("dpop-nonce");
  if (nonce) nonces.set(new URL(url).origin, nonce);
  return { response, retry: told === "use_dpop_nonce" };
}

async function step(name, act) {
  answers = [];
  const result = await act();
  console.log(`${name}: ${answers.join(", then ")}`);
  return result;
}

const proof = (url, method, accessToken, by = key) =>
  DPoP.generateProof(by, url, method, nonces.get(new URL(url).origin), accessToken);

/** Sends a request made anew for each attempt: once, and once more when a nonce is demanded. */
async function withNonceRetry(url, make) {
  const first = await recorded(url, await make());
  return first.retry ? recorded(url, await make()) : first;
}

const discovered = await fetch(`${issuer}/.well-known/openid-configuration`);
const { token_endpoint: tokenEndpoint, revocation_endpoint: revocationEndpoint } = await discovered.json();
const authorization = `Basic ${btoa(`${clientId}:${clientSecret}`)}`;

async function token(parameters) {
  const { response } = await withNonceRetry(tokenEndpoint, async () => ({
    method: "POST",
    headers: { authorization, dpop: await proof(tokenEndpoint, "POST") },
    body: new URLSearchParams({ grant_type: "client_credentials", ...parameters }),
  }));
  const answer = await response.json();
  if (answer.token_type !== "DPoP") throw new Error(`token_type is ${answer.token_type}`);
  return answer.access_token;
}

const withProof = async (accessToken, url = api, by = key) => ({
  headers: { authorization: `DPoP ${accessToken}`, dpop: await proof(url, "GET", accessToken, by) },
});
const call = (accessToken) => withNonceRetry(api, () => withProof(accessToken));

const plain = await step("token", () => token({}));
let accessToken = plain;
if (scope) {
  await step("call without the scope", () => call(plain));
  accessToken = await step("token with the scope", () => token({ scope }));
}
await step("good call", () => call(accessToken));
const used = await withProof(accessToken);
await step("next call", () => recorded(api, used));
await step("replayed proof", () => recorded(api, used));
const elsewhere = await withProof(accessToken, new URL("/elsewhere", api).href);
await step("proof for another URL", () => recorded(api, elsewhere));
const stolen = await withProof(accessToken, api, thiefs);
await step("proof by another key", () => recorded(api, stolen));
await step("bound token as Bearer", () => recorded(api, { headers: { authorization: `Bearer ${accessToken}` } }));
await step("no credentials", () => recorded(api, {}));
if (otherNode) {
  const again = await withProof(accessToken);
  await recorded(api, again);
  await step("replay at another node", () => recorded(otherNode, again));
}
if (revoke) {
  const body = new URLSearchParams({ token: accessToken });
  const { ok, status } = await fetch(revocationEndpoint, { method: "POST", headers: { authorization }, body });
  if (!ok) throw new Error(`revocation: ${status}`);
  await step("revoked token", () => call(accessToken));
}
