// Secrets that nobody can guess.

const BYTES = 32;

/** 256 random bits from the platform's cryptographic source, in characters that links can hold. */
export function secureToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
