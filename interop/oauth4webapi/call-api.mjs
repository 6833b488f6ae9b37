// Discovery, client credentials with DPoP and a call through the gateway, all by a foreign, certified client. It meets
// nonce challenges at both ends. Then it checks that the gateway refuses what it must.
// Usage: node call-api.mjs ISSUER CLIENT_ID CLIENT_SECRET API
import * as oauth from "oauth4webapi";

const [issuer, clientId, clientSecret, api] = process.argv.slice(2);
const insecure = { [oauth.allowInsecureRequests]: true };
const client = { client_id: clientId };
const authentication = oauth.ClientSecretBasic(clientSecret);

const discovered = await oauth.discoveryRequest(new URL(issuer), insecure);
const server = await oauth.processDiscoveryResponse(new URL(issuer), discovered);

const newHandle = async (algorithm) => oauth.DPoP(client, await oauth.generateKeyPair(algorithm));

async function withNonceRetry(attempt) {
  try {
    return await attempt();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return attempt();
  }
}

const token = (DPoP) =>
  withNonceRetry(async () => {
    const options = { DPoP, ...insecure };
    const parameters = new URLSearchParams();
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, options);
    return oauth.processClientCredentialsResponse(server, client, response);
  });

const call = (accessToken, DPoP) =>
  withNonceRetry(() =>
    oauth.protectedResourceRequest(accessToken, "GET", new URL(api), undefined, undefined, { DPoP, ...insecure }),
  );

async function refusedWith(expected, what, attempt) {
  let found = "accepted";
  try {
    await attempt();
  } catch (error) {
    found = error.cause?.[0]?.parameters?.error ?? String(error);
  }
  if (found !== expected) throw new Error(`${what}: ${found} instead of ${expected}`);
}

const DPoP = await newHandle("ES256");
const { access_token: accessToken, token_type: type } = await token(DPoP);
if (type !== "dpop") throw new Error(`token_type is ${type}`);

const response = await call(accessToken, DPoP);
if (response.status !== 200) throw new Error(`API: ${response.status}`);
const seen = await response.json();
if (!seen.headers.Dpop || !seen.headers.Authorization[0].startsWith("DPoP ")) throw new Error("upstream saw no proof");

const thief = await newHandle("ES256");
await refusedWith("invalid_token", "another key", () => call(accessToken, thief));
await refusedWith("invalid_token", "as Bearer", () => call(accessToken, undefined));
console.log("all good");
