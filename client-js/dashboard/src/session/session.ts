/** An organisation an operator can act for. */
export type Organization = { readonly id: string; readonly name: string };

/** Somebody who is signed in. */
export type Session = {
  readonly name: string;
  readonly email: string | undefined;
  readonly organizations: readonly Organization[];
  /** The organisation the tokens name; without one nothing can be done but to choose. */
  readonly organization: Organization | undefined;
  /**
   * A token for the server: the one at hand while it is valid, a new one if `forceRefresh`; null when the sign-in is over.
   * Throws if the issuer cannot be reached.
   */
  readonly token: (forceRefresh: boolean) => Promise<string | null>;
};

/** A way to sign in. What changes the session is told to the listener of `start`. */
export type SignInMethod = {
  /** What the button says. */
  readonly label: string;
  readonly hint?: string;
  /** Takes up a sign-in of before, or one that comes back from the issuer's page; null if there is none. */
  readonly start: () => Promise<Session | null>;
  /** Signs in: the session, or nothing if the page is left for the issuer's. */
  readonly signIn: () => Promise<Session | null>;
  readonly choose: (organizationId: string) => Promise<Session | null>;
  readonly signOut: () => Promise<void>;
  /** Whether organisations that are not in the list can be named: only where everything is made up anyway. */
  readonly takesAnyOrganization: boolean;
};

/** The claims of a token. They are shown, never trusted: that is for the server to do. */
export type Claims = { readonly [name: string]: unknown };

/** Reads the claims of a token. */
export function claimsOf(token: string): Claims {
  const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
  const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
  return typeof claims === "object" && claims !== null ? (claims as Claims) : {};
}

/** A claim that is a text with something in it. */
export function textClaim(claims: Claims, name: string): string | undefined {
  const value = claims[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

const AHEAD_SECONDS = 30;

/** Whether a token is valid for a while. */
export function isFresh(token: string, now = Date.now()): boolean {
  const { exp } = claimsOf(token);
  return typeof exp !== "number" || exp * 1000 - now > AHEAD_SECONDS * 1000;
}
