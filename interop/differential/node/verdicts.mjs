// Reads the world and then requests as JSON lines, answers each with the verdicts of two independent verifiers: an empty
// text is a good word, any other the reason against the request.
import { createInterface } from 'node:readline'
import * as jose from 'jose'
import * as oauth from 'oauth4webapi'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const world = JSON.parse((await lines.next()).value)

// The time of the requests, for libraries that look at the clock.
Date.now = () => world.now * 1000
const currentDate = new Date(world.now * 1000)

const server = { issuer: world.issuer, jwks_uri: `${world.issuer}/keys` }
const options = {
  requireDPoP: true,
  signingAlgorithms: world.algorithms,
  [oauth.clockTolerance]: world.window,
  [oauth.jwksCache]: { jwks: world.keys, uat: world.now },
}

// The certified client's own check of a resource request, as it is.
async function oauth4webapi(request) {
  const headers = new Headers()
  for (const line of request.authorization) headers.append('authorization', line)
  for (const line of request.proofs) headers.append('dpop', line)
  await oauth.validateJwtAccessToken(
    server,
    new Request(request.url, { method: request.method, headers }),
    world.audience,
    options,
  )
}

const issuerKeys = jose.createLocalJWKSet(world.keys)

// A check that follows the list of RFC 9449, section 4.3, over a JOSE library; htu is compared as text up to `?` or `#`.
async function overJose(request) {
  const one = (values) => {
    if (values.length !== 1) throw new Error(`${values.length} header fields`)
    return values[0]
  }
  const [, scheme, token] = /^(\S+) +(\S+)$/.exec(one(request.authorization)) ?? []
  if (scheme?.toLowerCase() !== 'dpop') throw new Error('scheme')
  const { payload: accessToken } = await jose.jwtVerify(token, issuerKeys, {
    issuer: world.issuer,
    audience: world.audience,
    requiredClaims: ['exp'],
    algorithms: ['ES256'],
    clockTolerance: world.window,
    currentDate,
  })
  const { payload: claims, protectedHeader } = await jose.jwtVerify(one(request.proofs), jose.EmbeddedJWK, {
    typ: 'dpop+jwt',
    requiredClaims: ['jti', 'htm', 'htu', 'ath'],
    algorithms: world.algorithms,
    maxTokenAge: 0,
    clockTolerance: world.window,
    currentDate,
  })
  if (typeof claims.jti !== 'string') throw new Error('jti')
  if (claims.htm !== request.method) throw new Error('htm')
  if (claims.htu.split(/[?#]/)[0] !== request.url.split('?')[0]) throw new Error('htu')
  if (request.nonce !== null && claims.nonce !== request.nonce) throw new Error('nonce')
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
  if (claims.ath !== jose.base64url.encode(new Uint8Array(digest))) throw new Error('ath')
  const thumbprint = await jose.calculateJwkThumbprint(protectedHeader.jwk)
  if (accessToken.cnf.jkt !== thumbprint) throw new Error('cnf.jkt')
}

const verdict = (judge, request) => judge(request).then(() => '', (error) => `${error?.name}: ${error?.message}` || 'refused')

for await (const line of lines) {
  const request = JSON.parse(line)
  const [first, second] = await Promise.all([verdict(oauth4webapi, request), verdict(overJose, request)])
  process.stdout.write(`${JSON.stringify({ oauth4webapi: first, jose: second })}\n`)
}
