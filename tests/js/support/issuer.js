// An OpenID provider on loopback with a key of its own: discovery document, key set, signed tokens.

import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";

const base64url = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** What is special about each algorithm: a new pair of keys, and the options of a signature. */
const algorithms = {
  RS256: { pair: () => generateKeyPairSync("rsa", { modulusLength: 2048 }), options: {} },
  ES256: { pair: () => generateKeyPairSync("ec", { namedCurve: "P-256" }), options: { dsaEncoding: "ieee-p1363" } },
};

/**
 * Starts the provider; it stops with the test. `metadata` is added to the discovery document; `handle` answers other requests
 * and says whether it did.
 */
export async function startIssuer(t, { audience = "convex", algorithm = "RS256", metadata = () => ({}), handle = () => false } = {}) {
  const { pair, options } = algorithms[algorithm];
  const { publicKey, privateKey } = pair();
  const key = { ...publicKey.export({ format: "jwk" }), kid: "key-1", alg: algorithm, use: "sig" };
  let url;
  const server = createServer(async (request, response) => {
    // Pages of other origins ask, too.
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (await handle(request, response)) return;
    const answers = {
      "/.well-known/openid-configuration": () => ({ issuer: url, jwks_uri: `${url}/jwks`, ...metadata(url) }),
      "/jwks": () => ({ keys: [key] }),
    };
    const answer = answers[request.url];
    response.writeHead(answer ? 200 : 404, { "Content-Type": "application/json" });
    response.end(JSON.stringify(answer ? answer() : {}));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${server.address().port}`;
  t.after(() => server.close());
  /** A token for `subject` that lives `seconds` from now (negative: it has expired). */
  const token = (subject, { seconds = 3600, claims = {}, kid = key.kid, signingKey = privateKey } = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const iat = seconds < 0 ? now + seconds - 60 : now;
    const payload = { iss: url, sub: subject, aud: audience, iat, exp: now + seconds, ...claims };
    const text = `${base64url({ alg: algorithm, typ: "JWT", kid })}.${base64url(payload)}`;
    return `${text}.${sign("SHA256", Buffer.from(text), { key: signingKey, ...options }).toString("base64url")}`;
  };
  const foreignKey = () => createPrivateKey(pair().privateKey.export({ type: "pkcs8", format: "pem" }));
  return { url, token, foreignKey, provider: { domain: url, applicationID: audience } };
}
