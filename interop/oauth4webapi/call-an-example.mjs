// A token and calls of an example, right and wrong, by a foreign, certified client. Prints a line for each step: what the
// servers answered, in order.
// Usage: node call-an-example.mjs ISSUER CLIENT_ID CLIENT_SECRET API; in the environment SCOPE, OTHER_NODE (another address of the API), REVOKE
import * as oauth from "oauth4webapi";

const [issuer, clientId, clientSecret, api] = process.argv.slice(2);
const { SCOPE: scope, OTHER_NODE: otherNode, REVOKE: revoke } = process.env;
const client = { client_id: clientId };
const authentication = oauth.ClientSecretBasic(clientSecret);

let answers = [];
let last;
async function recorded(url, options) {
  const response = await fetch(url, options);
  const challenge = response.headers.get("www-authenticate")?.match(/error="([a-z_]+)"/)?.[1];
  const told = response.ok ? undefined : (challenge ?? (await response.clone().json().catch(() => ({}))).error);
  answers.push([response.status, told].filter(Boolean).join(" "));
  last = { url, options };
  return response;
}
const options = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: recorded };

async function step(name, act) {
  answers = [];
  let result;
  try {
    result = await act();
  } catch (error) {
    // A refusal has been recorded; whatever else this is, it is news.
    if (!(error instanceof oauth.WWWAuthenticateChallengeError)) answers.push(String(error));
  }
  console.log(`${name}: ${answers.join(", then ")}`);
  return result;
}

async function withNonceRetry(attempt) {
  try {
    return await attempt();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return attempt();
  }
}

const discovered = await oauth.discoveryRequest(new URL(issuer), options);
const server = await oauth.processDiscoveryResponse(new URL(issuer), discovered);
const newHandle = async () => oauth.DPoP(client, await oauth.generateKeyPair("ES256"));
const DPoP = await newHandle();
const thief = await newHandle();

const token = (parameters) =>
  withNonceRetry(async () => {
    const tokenOptions = { DPoP, ...options };
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, tokenOptions);
    const answer = await oauth.processClientCredentialsResponse(server, client, response);
    if (answer.token_type !== "dpop") throw new Error(`token_type is ${answer.token_type}`);
    return answer.access_token;
  });
const call = (accessToken, handle, more = {}, url = api) =>
  oauth.protectedResourceRequest(accessToken, "GET", new URL(url), undefined, undefined, {
    DPoP: handle,
    ...options,
    ...more,
  });

const plain = await step("token", () => token({}));
let accessToken = plain;
if (scope) {
  await step("call without the scope", () => withNonceRetry(() => call(plain, DPoP)));
  accessToken = await step("token with the scope", () => token({ scope }));
}
await step("good call", () => withNonceRetry(() => call(accessToken, DPoP)));
await step("next call", () => withNonceRetry(() => call(accessToken, DPoP)));
await step("replayed proof", () => recorded(last.url, last.options));
await step("proof for another URL", () =>
  call(accessToken, DPoP, { [oauth.customFetch]: (_, request) => recorded(api, request) }, new URL("/elsewhere", api)),
);
await step("proof by another key", () => call(accessToken, thief));
await step("bound token as Bearer", () => call(accessToken, undefined));
await step("no credentials", () => recorded(api, {}));
if (otherNode) {
  await withNonceRetry(() => call(accessToken, DPoP));
  await step("replay at another node", () => recorded(otherNode, last.options));
}
if (revoke) {
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(server, client, authentication, accessToken, options),
  );
  await step("revoked token", () => call(accessToken, DPoP));
}
