// An OpenID provider with a page to sign in, which lets everybody in at once: authorization code flow with PKCE.

import { createHash, randomUUID } from "node:crypto";
import { startIssuer } from "./issuer.js";

async function read(request) {
  let text = "";
  for await (const part of request) text += part;
  return new URLSearchParams(text);
}

/**
 * Starts the provider. `claims` and `signingKey` are those of the ID tokens (its own key unless another is set), `seconds` how long these live, and `refreshes` whether there are
 * refresh tokens. All of it can be changed later; `grants` counts what was given by its kind.
 */
export async function startSignInPage(t, { clientId, claims, seconds = 3600, refreshes = true }) {
  const codes = new Map();
  const page = { claims, seconds, refreshes, grants: { authorization_code: 0, refresh_token: 0 }, asked: [] };
  let issuer;
  const handle = async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, issuer.url);
    if (pathname === "/authorize") {
      page.asked.push(Object.fromEntries(searchParams));
      const code = randomUUID();
      codes.set(code, Object.fromEntries(searchParams));
      const back = new URL(searchParams.get("redirect_uri"));
      back.searchParams.set("code", code);
      back.searchParams.set("state", searchParams.get("state"));
      response.writeHead(302, { Location: back.href });
      response.end();
      return true;
    }
    if (pathname === "/end") {
      response.writeHead(302, { Location: searchParams.get("post_logout_redirect_uri") });
      response.end();
      return true;
    }
    if (pathname !== "/token") return false;
    const form = await read(request);
    const kind = form.get("grant_type");
    const attempt = codes.get(form.get("code"));
    codes.delete(form.get("code"));
    const isProven = attempt && createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url") === attempt.code_challenge;
    const isGiven = form.get("client_id") === clientId && (kind === "refresh_token" ? page.refreshes : isProven);
    response.writeHead(isGiven ? 200 : 400, { "Content-Type": "application/json" });
    if (!isGiven) {
      response.end('{"error":"invalid_grant"}');
      return true;
    }
    page.grants[kind] += 1;
    const nonce = attempt?.nonce;
    const { signingKey } = page;
    const id_token = issuer.token("user_ada", { seconds: page.seconds, ...(signingKey && { signingKey }), claims: { ...(nonce && { nonce }), jti: randomUUID(), ...page.claims } });
    response.end(JSON.stringify({ access_token: "access", token_type: "bearer", expires_in: page.seconds, id_token, ...(page.refreshes && { refresh_token: "refresh" }) }));
    return true;
  };
  const metadata = (url) => ({
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    end_session_endpoint: `${url}/end`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    code_challenge_methods_supported: ["S256"],
  });
  issuer = await startIssuer(t, { audience: clientId, metadata, handle });
  const tokenOf = (subject) => issuer.token(subject, { seconds: page.seconds, claims: page.claims });
  return Object.assign(page, { url: issuer.url, tokenOf, foreignKey: issuer.foreignKey });
}
