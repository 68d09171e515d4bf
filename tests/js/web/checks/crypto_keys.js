// WebCrypto: keys coming in and going out in every format.

import { KEYS, bytes, hex, publicOf, unbase64 } from "../material/crypto.js";

const { subtle } = crypto;
const encoder = new TextEncoder();
const base64 = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const describe = ({ type, extractable, algorithm, usages }) => ({
  type,
  extractable,
  usages,
  algorithm: { ...algorithm, ...(algorithm.publicExponent ? { publicExponent: hex(algorithm.publicExponent) } : {}) },
});

export const checks = {};

// Every kind of key pair, by the name of its constants.
const PAIRS = {
  "RSASSA-PKCS1-v1_5": ["rsa", { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, ["verify"], ["sign"]],
  "RSA-PSS": ["rsa", { name: "RSA-PSS", hash: "SHA-384" }, ["verify"], ["sign"]],
  "RSA-OAEP": ["rsa", { name: "RSA-OAEP", hash: "SHA-1" }, ["encrypt", "wrapKey"], ["unwrapKey", "decrypt"]],
  "ECDSA P-256": ["p256", { name: "ECDSA", namedCurve: "P-256" }, ["verify"], ["sign"]],
  "ECDSA P-384": ["p384", { name: "ECDSA", namedCurve: "P-384" }, ["verify"], ["sign"]],
  "ECDSA P-521": ["p521", { name: "ECDSA", namedCurve: "P-521" }, ["verify"], ["sign"]],
  "ECDH P-256": ["p256", { name: "ECDH", namedCurve: "P-256" }, [], ["deriveBits", "deriveKey"]],
  "ECDH P-384": ["p384", { name: "ECDH", namedCurve: "P-384" }, [], ["deriveKey"]],
  "ECDH P-521": ["p521", { name: "ECDH", namedCurve: "P-521" }, [], ["deriveKey"]],
  Ed25519: ["ed25519", { name: "Ed25519" }, ["verify"], ["sign"]],
  X25519: ["x25519", { name: "X25519" }, [], ["deriveKey", "deriveBits"]],
};
for (const [title, [name, algorithm, publicUsages, privateUsages]] of Object.entries(PAIRS)) {
  checks[`keys: ${title}, PKCS#8 in, all out`] = async () => {
    const key = await subtle.importKey("pkcs8", unbase64(KEYS[`${name}Pkcs8`]), algorithm, true, privateUsages);
    return [describe(key), base64(await subtle.exportKey("pkcs8", key)), await subtle.exportKey("jwk", key)];
  };
  checks[`keys: ${title}, SPKI in, all out`] = async () => {
    const key = await subtle.importKey("spki", unbase64(KEYS[`${name}Spki`]), algorithm, true, publicUsages);
    const raw = name === "rsa" ? null : hex(await subtle.exportKey("raw", key));
    return [describe(key), base64(await subtle.exportKey("spki", key)), await subtle.exportKey("jwk", key), raw];
  };
  checks[`keys: ${title}, private JWK in, all out`] = async () => {
    const key = await subtle.importKey("jwk", KEYS[name], algorithm, true, privateUsages);
    return [describe(key), base64(await subtle.exportKey("pkcs8", key)), await subtle.exportKey("jwk", key)];
  };
  checks[`keys: ${title}, public JWK in, all out`] = async () => {
    const key = await subtle.importKey("jwk", publicOf(KEYS[name]), algorithm, false, publicUsages);
    return describe(key);
  };
  if (name !== "rsa") {
    checks[`keys: ${title}, raw in and out`] = async () => {
      const spki = await subtle.importKey("spki", unbase64(KEYS[`${name}Spki`]), algorithm, true, publicUsages);
      const raw = await subtle.exportKey("raw", spki);
      const key = await subtle.importKey("raw", raw, algorithm, true, publicUsages);
      return [describe(key), base64(await subtle.exportKey("spki", key))];
    };
  }
  checks[`keys: ${title}, generated`] = async () => {
    const generated =
      name === "rsa" ? { ...algorithm, modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) } : algorithm;
    const pair = await subtle.generateKey(generated, false, [...publicUsages, ...privateUsages]);
    const jwk = await subtle.exportKey("jwk", pair.publicKey);
    return [describe(pair.publicKey), describe(pair.privateKey), Object.keys(jwk), jwk.key_ops, jwk.alg ?? null];
  };
}

for (const [name, parameters, usages] of [
  ["AES-GCM", {}, ["encrypt", "decrypt"]],
  ["AES-CBC", {}, ["decrypt", "encrypt", "wrapKey"]],
  ["AES-CTR", {}, ["encrypt"]],
  ["AES-KW", {}, ["wrapKey", "unwrapKey"]],
  ["HMAC", { hash: "SHA-1" }, ["sign"]],
  ["HMAC", { hash: "SHA-512" }, ["verify", "sign"]],
]) {
  const algorithm = { name, ...parameters };
  checks[`keys: ${name} ${parameters.hash ?? ""} raw and JWK of every length`] = async () => {
    const results = [];
    for (const length of [16, 24, 32]) {
      const key = await subtle.importKey("raw", bytes(length), algorithm, true, usages);
      const jwk = await subtle.exportKey("jwk", key);
      const again = await subtle.importKey("jwk", jwk, algorithm, true, usages);
      results.push([describe(key), jwk, describe(again), hex(await subtle.exportKey("raw", again))]);
    }
    return results;
  };
  checks[`keys: ${name} ${parameters.hash ?? ""} generated`] = async () => {
    const lengths = name === "HMAC" ? [undefined, 80, 256] : [128, 192, 256];
    const results = [];
    for (const length of lengths) {
      const key = await subtle.generateKey({ ...algorithm, ...(length ? { length } : {}) }, true, usages);
      const [first, second] = [await subtle.exportKey("raw", key), await subtle.exportKey("jwk", key)];
      results.push([
        describe(key),
        first.byteLength,
        Object.keys(second),
        new Uint8Array(first).some((byte) => byte !== 0),
      ]);
    }
    return results;
  };
}
checks["keys: HKDF and PBKDF2 from raw bytes"] = async () => [
  describe(await subtle.importKey("raw", bytes(5), "HKDF", false, ["deriveKey"])),
  describe(await subtle.importKey("raw", bytes(0), "PBKDF2", false, ["deriveBits", "deriveKey"])),
];
checks["keys: a compressed point"] = async () => {
  const key = await subtle.importKey("jwk", publicOf(KEYS.p256), { name: "ECDSA", namedCurve: "P-256" }, true, [
    "verify",
  ]);
  const raw = new Uint8Array(await subtle.exportKey("raw", key));
  const compressed = raw.slice(0, 33);
  compressed[0] = 2 + (raw[64] & 1);
  const again = await subtle.importKey("raw", compressed, { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]);
  return hex(await subtle.exportKey("raw", again)) === hex(raw);
};
checks["keys: JWK members beside the material are tolerated"] = async () => {
  const jwk = { ...publicOf(KEYS.rsa), alg: "RS256", use: "sig", kid: "1", x5t: "abc", key_ops: ["verify"] };
  return describe(
    await subtle.importKey("jwk", jwk, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, false, ["verify"]),
  );
};
checks["keys: padded base64 in a JWK"] = async () => {
  const key = await subtle.importKey("jwk", { kty: "oct", k: "AAECAwQFBgcICQoLDA0ODw==" }, "AES-GCM", true, [
    "encrypt",
  ]);
  return hex(await subtle.exportKey("raw", key));
};
checks["keys: objects show what they are"] = async () => {
  const key = await subtle.importKey("raw", bytes(16), "AES-GCM", false, ["encrypt", "decrypt"]);
  return [
    Object.prototype.toString.call(key),
    Object.prototype.toString.call(subtle),
    key instanceof CryptoKey,
    subtle instanceof SubtleCrypto,
    key.algorithm === key.algorithm,
    key.usages === key.usages,
    Object.keys(key),
    JSON.stringify(key),
    subtle.digest.length,
    subtle.importKey.length,
    subtle.unwrapKey.length,
    crypto.subtle === subtle,
    Object.getOwnPropertyNames(SubtleCrypto.prototype).sort(),
    Object.getOwnPropertyNames(CryptoKey.prototype).sort(),
  ];
};

// Wrapping: each format with each algorithm that can hold it.
const wrappers = {
  "AES-GCM": [{ name: "AES-GCM" }, { name: "AES-GCM", iv: bytes(12) }],
  "AES-CBC": [{ name: "AES-CBC" }, { name: "AES-CBC", iv: bytes(16) }],
  "AES-CTR": [{ name: "AES-CTR" }, { name: "AES-CTR", counter: bytes(16), length: 64 }],
  "AES-KW": [{ name: "AES-KW" }, { name: "AES-KW" }],
};
for (const [name, [imported, algorithm]] of Object.entries(wrappers)) {
  const wrapping = () => subtle.importKey("raw", bytes(32, 3), imported, false, ["wrapKey", "unwrapKey"]);
  checks[`wrapping: a secret key as raw with ${name}`] = async () => {
    const key = await subtle.importKey("raw", bytes(32), "AES-GCM", true, ["encrypt"]);
    const wrapped = await subtle.wrapKey("raw", key, await wrapping(), algorithm);
    const opened = await subtle.unwrapKey("raw", wrapped, await wrapping(), algorithm, "AES-GCM", true, ["decrypt"]);
    return [hex(wrapped), describe(opened), hex(await subtle.exportKey("raw", opened))];
  };
  checks[`wrapping: a private key as JWK with ${name}`] = async () => {
    const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
    const key = await subtle.importKey("jwk", KEYS.p256, ecdsa, true, ["sign"]);
    const wrapped = await subtle.wrapKey("jwk", key, await wrapping(), algorithm);
    const opened = await subtle.unwrapKey("jwk", wrapped, await wrapping(), algorithm, ecdsa, true, ["sign"]);
    return [wrapped.byteLength, describe(opened), await subtle.exportKey("jwk", opened)];
  };
}
checks["wrapping: a PKCS#8 key with AES-CBC"] = async () => {
  const cbc = await subtle.importKey("raw", bytes(16), "AES-CBC", false, ["wrapKey", "unwrapKey"]);
  const algorithm = { name: "AES-CBC", iv: bytes(16) };
  const key = await subtle.importKey("jwk", KEYS.ed25519, "Ed25519", true, ["sign"]);
  const wrapped = await subtle.wrapKey("pkcs8", key, cbc, algorithm);
  const opened = await subtle.unwrapKey("pkcs8", wrapped, cbc, algorithm, "Ed25519", false, ["sign"]);
  return [hex(wrapped), describe(opened), hex(await subtle.sign("Ed25519", opened, encoder.encode("x")))];
};
checks["wrapping: a secret key with RSA-OAEP"] = async () => {
  const oaep = { name: "RSA-OAEP", hash: "SHA-256" };
  const wrapping = await subtle.importKey("jwk", publicOf(KEYS.rsa), oaep, false, ["wrapKey"]);
  const unwrapping = await subtle.importKey("jwk", KEYS.rsa, oaep, false, ["unwrapKey"]);
  const key = await subtle.importKey("raw", bytes(32), { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
  const wrapped = await subtle.wrapKey("raw", key, wrapping, oaep);
  const opened = await subtle.unwrapKey("raw", wrapped, unwrapping, oaep, { name: "HMAC", hash: "SHA-256" }, true, [
    "sign",
  ]);
  return [wrapped.byteLength, hex(await subtle.exportKey("raw", opened))];
};
