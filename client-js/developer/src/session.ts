// The admin key: it comes in the fragment of a link, which no server and no log sees, and stays with this tab.

const STORED = "fusion.adminKey";

/** Takes the key out of the address, if it is there, and keeps it. */
export function takeKeyFromAddress(): void {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key === null) return;
  // The address is seen by whoever looks over a shoulder, and stays in the history.
  history.replaceState(history.state, "", location.pathname + location.search);
  if (key !== "") keepKey(key);
}

/** The key of this tab. */
export function storedKey(): string | undefined {
  return sessionStorage.getItem(STORED) ?? undefined;
}

/** Keeps a key that was accepted. */
export function keepKey(key: string): void {
  sessionStorage.setItem(STORED, key);
}

/** Forgets the key. */
export function forgetKey(): void {
  sessionStorage.removeItem(STORED);
}
