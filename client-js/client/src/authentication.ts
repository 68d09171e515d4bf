import type { Logger } from "./log.ts";
import type { AuthError, Credentials } from "./protocol.ts";
import type { Json } from "./value.ts";

/** Gets a token (a JSON Web Token), anew and not from a cache if `forceRefreshToken`; null if there is none. */
export type AuthTokenFetcher = (options: { forceRefreshToken: boolean }) => Promise<string | null | undefined>;

/** What authentication needs of the client. */
export interface AuthenticationHost {
  /** Nothing may be sent until `resume`: it would be sent as somebody else. */
  pause(): void;
  resume(): void;
  /** Something is to be sent. */
  flush(): void;
  /** Takes up a new connection, as the old one was refused. */
  reconnect(): void;
}

/** Timers can wait no longer than some 24 days. */
const MAX_DELAY_MS = 20 * 24 * 3600 * 1000;
/** A new token that is refused may have been too old by a moment; after this many it is something else. */
const MAX_ATTEMPTS = 2;

/** Who the client is: credentials, when they have to be renewed, and what the server says to them. */
export class Authentication {
  /** How many times the server of this connection was told. */
  version = 0;
  private credentials: Credentials | undefined;
  /** Whether the server does not have these credentials yet. */
  private isDirty = false;
  /** Waits for the server's word on the credentials; says whether they are fresh. */
  private awaiting: { isFresh: boolean } | undefined;
  private fetchToken: AuthTokenFetcher | undefined;
  private onChange: ((isAuthenticated: boolean) => void) | undefined;
  private reported: boolean | undefined;
  private attempts = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Changes with every other wish, so that what was begun before ends without effect. */
  private generation = 0;

  constructor(
    private readonly host: AuthenticationHost,
    private readonly logger: Logger,
    private readonly options: { leewaySeconds: number; isInitialReused: boolean },
  ) {}

  /** Authenticates with tokens from now on. */
  async set(fetchToken: AuthTokenFetcher, onChange?: (isAuthenticated: boolean) => void): Promise<void> {
    this.begin(onChange);
    this.fetchToken = fetchToken;
    this.host.pause();
    await this.fetch(false);
  }

  /** Authenticates with an admin key from now on, if wanted as the user of an identity. */
  setAdmin(key: string, identity?: Json, onChange?: (isAuthenticated: boolean) => void): void {
    this.begin(onChange);
    this.use({ tokenType: "Admin", value: key, ...(identity === undefined ? {} : { impersonating: identity }) }, true);
    this.host.resume();
  }

  /** Is nobody from now on. */
  clear(): void {
    this.begin(undefined);
    this.drop();
    this.host.resume();
  }

  /** What the server of a new connection has to be told first. */
  forget(): void {
    this.version = 0;
    this.isDirty = this.credentials !== undefined;
  }

  /** What the server has to be told now. */
  message(): ({ type: "Authenticate"; baseVersion: number } & Credentials) | undefined {
    if (!this.isDirty) return undefined;
    this.isDirty = false;
    return { type: "Authenticate", baseVersion: this.version++, ...(this.credentials ?? { tokenType: "None" }) };
  }

  /** The server is at a version of the identity. */
  confirmed(before: number, now: number): void {
    if (now <= before || now < this.version || this.isDirty || this.awaiting === undefined) return;
    const { isFresh } = this.awaiting;
    this.awaiting = undefined;
    this.attempts = 0;
    this.report(true);
    if (this.fetchToken === undefined) return;
    if (isFresh || this.options.isInitialReused) this.schedule();
    else void this.fetch(true);
  }

  /** The server refused what it was told, or what it was told has expired. */
  refused({ error, baseVersion, authUpdateAttempted }: AuthError): void {
    // Another token is on its way.
    if (!authUpdateAttempted && this.awaiting !== undefined) return;
    if (baseVersion !== null && baseVersion + 1 < this.version) return;
    this.logger.warn(`The server refused to authenticate: ${error}`);
    this.generation += 1;
    clearTimeout(this.timer);
    this.host.pause();
    this.host.reconnect();
    if (this.fetchToken === undefined || this.attempts >= MAX_ATTEMPTS) {
      this.attempts = 0;
      this.drop();
      this.host.resume();
    } else {
      this.attempts += 1;
      void this.fetch(true);
    }
  }

  /** Forgets timers. */
  stop(): void {
    this.begin(undefined);
  }

  private begin(onChange: ((isAuthenticated: boolean) => void) | undefined): void {
    this.generation += 1;
    clearTimeout(this.timer);
    this.fetchToken = undefined;
    this.awaiting = undefined;
    this.attempts = 0;
    this.reported = undefined;
    this.onChange = onChange;
  }

  private async fetch(isFresh: boolean): Promise<void> {
    const generation = this.generation;
    let token: string | null | undefined;
    try {
      token = await this.fetchToken?.({ forceRefreshToken: isFresh });
    } catch (error) {
      this.logger.error("No token could be fetched:", error);
    }
    if (generation !== this.generation) return;
    if (!token) this.drop();
    else if (this.credentials?.tokenType === "User" && this.credentials.value === token && !this.isDirty && this.reported) this.schedule();
    else this.use({ tokenType: "User", value: token }, isFresh);
    this.host.resume();
  }

  private use(credentials: Credentials, isFresh: boolean): void {
    this.credentials = credentials;
    this.isDirty = true;
    this.awaiting = { isFresh };
    this.host.flush();
  }

  private drop(): void {
    // The server of a connection on which nobody was anybody need not be told.
    this.isDirty = this.version > 0;
    this.credentials = undefined;
    this.awaiting = undefined;
    this.report(false);
    this.host.flush();
  }

  private report(isAuthenticated: boolean): void {
    if (this.reported === isAuthenticated) return;
    this.reported = isAuthenticated;
    this.onChange?.(isAuthenticated);
  }

  /** Fetches another token before this one expires. */
  private schedule(): void {
    if (this.credentials?.tokenType !== "User") return;
    const claims = claimsOf(this.credentials.value);
    const [exp, iat] = [Number(claims?.["exp"]), Number(claims?.["iat"])];
    // A token that does not say when it expires is good until the server says otherwise.
    if (!(exp > iat)) return;
    let seconds = exp - Date.now() / 1000;
    // If it seems to have expired, or to be from the future, the clock here is wrong.
    if (seconds <= 0 || seconds > exp - iat) seconds = exp - iat;
    const delay = 1000 * Math.max(seconds - this.options.leewaySeconds, seconds / 2, 1);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.fetch(true), Math.min(delay, MAX_DELAY_MS));
  }
}

/** What a JSON Web Token says, unchecked; undefined if it is none. */
function claimsOf(token: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/"))) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
