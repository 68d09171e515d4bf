// Hashes of passwords by PBKDF2, which the server computes itself: the package's own scrypt is JavaScript, and takes longer
// without a compiler than a mutation may.

const ROUNDS = 100_000;

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const bytes = (text: string) => new Uint8Array((text.match(/../g) ?? []).map((digits) => parseInt(digits, 16)));

async function derived(secret: string, salt: Uint8Array): Promise<string> {
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), "PBKDF2", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS }, key, 256);
  return hex(new Uint8Array(bits));
}

export async function hashSecret(secret: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  return `${hex(salt)}:${await derived(secret, salt)}`;
}

export async function verifySecret(secret: string, hash: string): Promise<boolean> {
  const [salt = "", expected] = hash.split(":");
  return (await derived(secret, bytes(salt))) === expected;
}
