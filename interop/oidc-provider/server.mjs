// A certified authorization server that demands nonces, and whose userinfo endpoint is a protected resource that
// demands them too. Usage: node server.mjs PORT PUBLIC_JWK
import { randomBytes } from "node:crypto";
import { Provider } from "oidc-provider";

const [port, jwk] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "app",
      application_type: "native",
      token_endpoint_auth_method: "none",
      redirect_uris: ["http://127.0.0.1/callback"],
      grant_types: ["authorization_code", "refresh_token", DEVICE],
      dpop_bound_access_tokens: true,
    },
    {
      client_id: "service",
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      jwks: { keys: [{ ...JSON.parse(jwk), kid: "service-key" }] },
      redirect_uris: [],
      response_types: [],
      grant_types: ["client_credentials"],
      dpop_bound_access_tokens: true,
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    revocation: { enabled: true },
  },
  issueRefreshToken: async () => true,
  rotateRefreshToken: true,
  ttl: { AccessToken: 5 },
});
provider.listen(Number(port), "127.0.0.1");
