import * as oauth from "oauth4webapi";

import { BASE, navigate } from "../router.tsx";
import { claimsOf, isFresh, textClaim } from "./session.ts";
import type { Claims, Organization, Session, SignInMethod } from "./session.ts";

/** Where the issuer sends people back to. */
const CALLBACK = `${BASE}/callback`;
/** The tokens of this tab, and what is to be known when somebody comes back. */
const TOKENS = "fusionchat_oidc_tokens";
const ATTEMPT = "fusionchat_oidc_attempt";

type Options = { readonly issuer: string; readonly clientId: string; readonly scope: string };
type Tokens = { readonly idToken: string; readonly refreshToken: string | undefined };
type Attempt = { readonly verifier: string; readonly state: string; readonly nonce: string; readonly returnTo: string };

/** Signs in with any OpenID Connect provider: authorization code flow with PKCE, as a public client. */
export function oidc({ issuer, clientId, scope }: Options): SignInMethod {
  const client: oauth.Client = { client_id: clientId };
  const withoutSecret = oauth.None();
  // An issuer on this machine has no certificate; the server was set up to trust it.
  const options = { [oauth.allowInsecureRequests]: issuer.startsWith("http://") };
  let discovered: Promise<oauth.AuthorizationServer> | undefined;

  const discover = () => {
    discovered ??= (async () => {
      const url = new URL(issuer);
      return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, options));
    })();
    discovered.catch(() => {
      discovered = undefined;
    });
    return discovered;
  };

  const leaveFor = async (more: { readonly [parameter: string]: string }): Promise<null> => {
    const server = await discover();
    if (!server.authorization_endpoint) throw new Error("The issuer has no page to sign in.");
    const isBack = location.pathname === CALLBACK;
    const attempt: Attempt = {
      verifier: oauth.generateRandomCodeVerifier(),
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
      returnTo: isBack ? BASE : location.pathname,
    };
    sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
    const url = new URL(server.authorization_endpoint);
    const parameters = {
      client_id: clientId,
      redirect_uri: location.origin + CALLBACK,
      response_type: "code",
      scope,
      code_challenge: await oauth.calculatePKCECodeChallenge(attempt.verifier),
      code_challenge_method: "S256",
      state: attempt.state,
      nonce: attempt.nonce,
      ...more,
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    location.assign(url);
    return null;
  };

  const comeBack = async (): Promise<Session | null> => {
    const parameters = new URL(location.href).searchParams;
    const attempt = parse<Attempt>(sessionStorage.getItem(ATTEMPT));
    sessionStorage.removeItem(ATTEMPT);
    // A code counts once: nobody gets here again by going back or loading anew.
    navigate(attempt?.returnTo ?? BASE, { replace: true });
    if (!attempt) return null;
    const server = await discover();
    const answer = oauth.validateAuthResponse(server, client, parameters, attempt.state);
    const response = await oauth.authorizationCodeGrantRequest(server, client, withoutSecret, answer, location.origin + CALLBACK, attempt.verifier, options);
    const result = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: attempt.nonce, requireIdToken: true });
    return open(keep(result.id_token, result.refresh_token));
  };

  const renew = async (refreshToken: string): Promise<Tokens | null> => {
    const server = await discover();
    const response = await oauth.refreshTokenGrantRequest(server, client, withoutSecret, refreshToken, options);
    try {
      const result = await oauth.processRefreshTokenResponse(server, client, response);
      return result.id_token === undefined ? null : keep(result.id_token, result.refresh_token ?? refreshToken);
    } catch (error) {
      // The issuer says no: that is the end of the sign-in. Everything else may pass.
      if (error instanceof oauth.ResponseBodyError) return null;
      throw error;
    }
  };

  const open = (first: Tokens): Session => {
    let tokens: Tokens | null = first;
    let renewal: Promise<string | null> | undefined;
    const renewOnce = (refreshToken: string) => {
      renewal ??= renew(refreshToken)
        .then((renewed) => {
          tokens = renewed;
          if (!renewed) forget();
          return renewed?.idToken ?? null;
        })
        .finally(() => {
          renewal = undefined;
        });
      return renewal;
    };
    const claims = claimsOf(first.idToken);
    const organizations = organizationsOf(claims);
    const orgId = textClaim(claims, "orgId");
    return {
      name: textClaim(claims, "name") ?? textClaim(claims, "preferred_username") ?? textClaim(claims, "email") ?? "Operator",
      email: textClaim(claims, "email"),
      organizations,
      organization: organizations.find(({ id }) => id === orgId),
      token: async (forceRefresh) => {
        if (!tokens) return null;
        const isUsable = isFresh(tokens.idToken);
        if (isUsable && !(forceRefresh && tokens.refreshToken)) return tokens.idToken;
        return tokens.refreshToken ? renewOnce(tokens.refreshToken) : null;
      },
    };
  };

  return {
    label: `Sign in with ${new URL(issuer).hostname}`,
    takesAnyOrganization: false,
    start: async () => {
      if (location.pathname === CALLBACK) return comeBack();
      const tokens = parse<Tokens>(sessionStorage.getItem(TOKENS));
      if (!tokens) return null;
      const session = open(tokens);
      return (await session.token(false)) === null ? null : session;
    },
    signIn: () => leaveFor({}),
    // The parameter that issuers with organisations take; others ignore it.
    choose: (organization) => leaveFor({ organization }),
    signOut: async () => {
      const tokens = parse<Tokens>(sessionStorage.getItem(TOKENS));
      forget();
      const server = await discover();
      if (!tokens || !server.end_session_endpoint) return;
      const url = new URL(server.end_session_endpoint);
      url.searchParams.set("client_id", clientId);
      url.searchParams.set("id_token_hint", tokens.idToken);
      url.searchParams.set("post_logout_redirect_uri", location.origin + BASE);
      location.assign(url);
    },
  };
}

function keep(idToken: string | undefined, refreshToken: string | undefined): Tokens {
  if (idToken === undefined) throw new Error("The issuer gave no ID token.");
  const tokens = { idToken, refreshToken };
  sessionStorage.setItem(TOKENS, JSON.stringify(tokens));
  return tokens;
}

function forget(): void {
  sessionStorage.removeItem(TOKENS);
}

function parse<T>(text: string | null): T | undefined {
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

/** The organisations in a token: the one it is for, and those of a claim `organizations`, as ids or with names. */
function organizationsOf(claims: Claims): readonly Organization[] {
  const found = new Map<string, string>();
  const list: readonly unknown[] = Array.isArray(claims["organizations"]) ? claims["organizations"] : [];
  for (const one of list) {
    if (typeof one === "string") found.set(one, one);
    if (typeof one === "object" && one !== null && "id" in one && typeof one.id === "string") {
      found.set(one.id, "name" in one && typeof one.name === "string" ? one.name : one.id);
    }
  }
  const orgId = textClaim(claims, "orgId");
  if (orgId !== undefined && !found.has(orgId)) found.set(orgId, textClaim(claims, "orgName") ?? orgId);
  return [...found].map(([id, name]) => ({ id, name }));
}
