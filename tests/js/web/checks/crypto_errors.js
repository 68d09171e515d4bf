// WebCrypto: what the common mistakes give: the class, name, text and code of the error.

const { subtle: s } = crypto;
const u = new Uint8Array(32);
const exp = new Uint8Array([1, 0, 1]);
const outcome = async (run) => {
  try {
    const result = await run();
    return result instanceof ArrayBuffer
      ? `${result.byteLength} bytes`
      : result instanceof CryptoKey
        ? result.algorithm
        : result;
  } catch (error) {
    return [error.constructor.name, error.name, error.message, error.code ?? null];
  }
};
/** Runs each mistake with a set of keys. */
const mistakes = (list) => async () => {
  const keys = {
    hk: await s.importKey("raw", u, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]),
    ak: await s.importKey("raw", u, "AES-GCM", true, ["encrypt", "decrypt"]),
    cbc: await s.importKey("raw", u, "AES-CBC", true, ["encrypt", "decrypt"]),
    ctr: await s.importKey("raw", u, "AES-CTR", true, ["encrypt", "decrypt"]),
    kw: await s.importKey("raw", u, "AES-KW", true, ["wrapKey", "unwrapKey"]),
    pb: await s.importKey("raw", u, "PBKDF2", false, ["deriveBits", "deriveKey"]),
    hd: await s.importKey("raw", u, "HKDF", false, ["deriveBits", "deriveKey"]),
    ec: await s.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]),
    dh: await s.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]),
    ed: await s.generateKey("Ed25519", true, ["sign", "verify"]),
    rsa: await s.generateKey({ name: "RSA-PSS", modulusLength: 1024, publicExponent: exp, hash: "SHA-256" }, true, [
      "sign",
      "verify",
    ]),
    oaep: await s.generateKey({ name: "RSA-OAEP", modulusLength: 1024, publicExponent: exp, hash: "SHA-256" }, true, [
      "encrypt",
      "decrypt",
    ]),
  };
  const results = {};
  for (const [name, run] of Object.entries(list)) results[name] = await outcome(() => run(keys));
  return results;
};

export const checks = {};

checks["mistakes: digest"] = mistakes({
  md5: () => s.digest("MD5", u),
  "digest str": () => s.digest("SHA-256", "abc"),
  "digest noargs": () => s.digest(),
  "digest 1": () => s.digest("SHA-256"),
  "digest undefined alg": () => s.digest(undefined, u),
  "digest obj no name": () => s.digest({}, u),
  "digest null": () => s.digest(null, u),
  "digest num": () => s.digest(5, u),
  "digest this": () => s.digest.call({}, "SHA-1", u),
});
checks["mistakes: importing a secret key, part 1"] = mistakes({
  "imp empty usages": () => s.importKey("raw", u, { name: "HMAC", hash: "SHA-256" }, false, []),
  "imp bad usage": () => s.importKey("raw", u, { name: "HMAC", hash: "SHA-256" }, false, ["encrypt"]),
  "imp unknown usage": () => s.importKey("raw", u, { name: "HMAC", hash: "SHA-256" }, false, ["foo"]),
  "imp no hash": () => s.importKey("raw", u, { name: "HMAC" }, false, ["sign"]),
  "imp bad hash": () => s.importKey("raw", u, { name: "HMAC", hash: "MD5" }, false, ["sign"]),
  "imp fmt": () => s.importKey("foo", u, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]),
  "imp hmac empty": () => s.importKey("raw", new Uint8Array(0), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]),
  "imp hmac len big": () => s.importKey("raw", u, { name: "HMAC", hash: "SHA-256", length: 300 }, false, ["sign"]),
  "imp hmac len small": () => s.importKey("raw", u, { name: "HMAC", hash: "SHA-256", length: 8 }, false, ["sign"]),
  "imp hmac len 250": async () =>
    (await s.importKey("raw", u, { name: "HMAC", hash: "SHA-256", length: 250 }, false, ["sign"])).algorithm,
  "imp hmac len 0": () => s.importKey("raw", u, { name: "HMAC", hash: "SHA-256", length: 0 }, false, ["sign"]),
  "imp aes 5": () => s.importKey("raw", new Uint8Array(5), "AES-GCM", false, ["encrypt"]),
});
checks["mistakes: importing a secret key, part 2"] = mistakes({
  "imp raw obj": () => s.importKey("raw", { kty: "oct" }, "AES-GCM", false, ["encrypt"]),
  "imp pbkdf2 extractable": () => s.importKey("raw", u, "PBKDF2", true, ["deriveBits"]),
  "imp unknown alg": () => s.importKey("raw", u, "FOO", false, ["sign"]),
  "imp lower": async () => (await s.importKey("raw", u, "aes-gcm", false, ["encrypt"])).algorithm,
  "import 3": () => s.importKey("raw", u, "HKDF"),
  "usages str": () => s.importKey("raw", u, "HKDF", false, "x"),
  "hkdf usage": () => s.importKey("raw", u, "HKDF", false, ["sign"]),
  "hkdf empty": () => s.importKey("raw", u, "HKDF", false, []),
  "hkdf ext": () => s.importKey("raw", u, "HKDF", true, ["deriveBits"]),
  "hkdf zero": async () => (await s.importKey("raw", new Uint8Array(0), "HKDF", false, ["deriveBits"])).algorithm,
  "usages undefined": () => s.importKey("raw", u, "HKDF", false, undefined),
});
checks["mistakes: importing a secret key, part 3"] = mistakes({
  "usages null": () => s.importKey("raw", u, "HKDF", false, null),
  "exp jwk hmac": async () =>
    s.exportKey("jwk", await s.importKey("raw", u, { name: "HMAC", hash: "SHA-384" }, true, ["sign"])),
});
checks["mistakes: importing a JWK, part 1"] = mistakes({
  "imp jwk str": () => s.importKey("jwk", "x", "AES-GCM", false, ["encrypt"]),
  "imp jwk bytes": () => s.importKey("jwk", u, "AES-GCM", false, ["encrypt"]),
  "imp jwk kty": () => s.importKey("jwk", { kty: "RSA" }, "AES-GCM", false, ["encrypt"]),
  "imp jwk nokty": () => s.importKey("jwk", {}, "AES-GCM", false, ["encrypt"]),
  "imp jwk nok": () => s.importKey("jwk", { kty: "oct" }, "AES-GCM", false, ["encrypt"]),
  "imp jwk alg": () =>
    s.importKey("jwk", { kty: "oct", k: "AAAAAAAAAAAAAAAAAAAAAA", alg: "A256GCM" }, "AES-GCM", false, ["encrypt"]),
  "imp jwk ext": () =>
    s.importKey("jwk", { kty: "oct", k: "AAAAAAAAAAAAAAAAAAAAAA", ext: false }, "AES-GCM", true, ["encrypt"]),
  "imp jwk ops": () =>
    s.importKey("jwk", { kty: "oct", k: "AAAAAAAAAAAAAAAAAAAAAA", key_ops: ["decrypt"] }, "AES-GCM", true, ["encrypt"]),
  "imp jwk opsdup": () =>
    s.importKey("jwk", { kty: "oct", k: "AAAAAAAAAAAAAAAAAAAAAA", key_ops: ["encrypt", "encrypt"] }, "AES-GCM", true, [
      "encrypt",
    ]),
  "imp jwk use": () =>
    s.importKey("jwk", { kty: "oct", k: "AAAAAAAAAAAAAAAAAAAAAA", use: "sig" }, "AES-GCM", true, ["encrypt"]),
  "imp jwk use hmac": () =>
    s.importKey(
      "jwk",
      { kty: "oct", k: "AAAAAAAAAAAAAAAAAAAAAA", use: "enc" },
      { name: "HMAC", hash: "SHA-256" },
      true,
      ["sign"],
    ),
  "imp jwk hmac alg": () =>
    s.importKey(
      "jwk",
      { kty: "oct", k: "AAAAAAAAAAAAAAAAAAAAAA", alg: "HS512" },
      { name: "HMAC", hash: "SHA-256" },
      true,
      ["sign"],
    ),
});
checks["mistakes: importing a JWK, part 2"] = mistakes({
  "imp ec jwk nox": () =>
    s.importKey("jwk", { kty: "EC", crv: "P-256" }, { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]),
  "imp pbkdf2 jwk": () => s.importKey("jwk", { kty: "oct", k: "AA" }, "PBKDF2", false, ["deriveBits"]),
  "jwk ed": () => s.importKey("jwk", { kty: "OKP", crv: "Ed25519", x: "AA" }, "Ed25519", true, ["verify"]),
  "jwk rsa miss": () =>
    s.importKey("jwk", { kty: "RSA", n: "AQAB" }, { name: "RSA-PSS", hash: "SHA-256" }, true, ["verify"]),
  "jwk alg": async ({ ec }) =>
    s.importKey(
      "jwk",
      { ...(await s.exportKey("jwk", ec.publicKey)), alg: "ES384" },
      { name: "ECDSA", namedCurve: "P-256" },
      true,
      ["verify"],
    ),
  "jwk rsa alg": () =>
    s.importKey("jwk", { kty: "RSA", n: "AQAB", e: "AQAB", alg: "RS1" }, { name: "RSA-PSS", hash: "SHA-256" }, true, [
      "verify",
    ]),
  "jwk ec use": async ({ ec }) =>
    s.importKey(
      "jwk",
      { ...(await s.exportKey("jwk", ec.publicKey)), use: "enc" },
      { name: "ECDSA", namedCurve: "P-256" },
      true,
      ["verify"],
    ),
  "jwk ec kty": async ({ ec }) =>
    s.importKey(
      "jwk",
      { ...(await s.exportKey("jwk", ec.publicKey)), kty: "oct" },
      { name: "ECDSA", namedCurve: "P-256" },
      true,
      ["verify"],
    ),
  "jwk ec crv bad": async ({ ec }) =>
    s.importKey(
      "jwk",
      { ...(await s.exportKey("jwk", ec.publicKey)), crv: "P-384" },
      { name: "ECDSA", namedCurve: "P-256" },
      true,
      ["verify"],
    ),
  "key ops str": () =>
    s.importKey("jwk", { kty: "oct", k: "AAAA", key_ops: "x" }, { name: "HMAC", hash: "SHA-1" }, true, ["sign"]),
  "Ed25519 with the alg of another": async ({ ed }) =>
    s.importKey("jwk", { ...(await s.exportKey("jwk", ed.publicKey)), alg: "ES384" }, "Ed25519", true, ["verify"]),
  "Ed25519 as EdDSA": async ({ ed }) =>
    s.importKey(
      "jwk",
      { ...(await s.exportKey("jwk", ed.publicKey)), key_ops: undefined, alg: "EdDSA" },
      "Ed25519",
      true,
      ["verify"],
    ),
});
checks["mistakes: importing a JWK, part 3"] = mistakes({
  "Ed25519 with another curve": async ({ ed }) =>
    s.importKey("jwk", { ...(await s.exportKey("jwk", ed.publicKey)), crv: "X25519" }, "Ed25519", true, ["verify"]),
  "P-256 as P-384": async ({ ec }) =>
    s.importKey("jwk", await s.exportKey("jwk", ec.publicKey), { name: "ECDSA", namedCurve: "P-384" }, true, [
      "verify",
    ]),
  "a private key to verify": async ({ ec }) =>
    s.importKey(
      "jwk",
      { ...(await s.exportKey("jwk", ec.privateKey)), key_ops: undefined },
      { name: "ECDSA", namedCurve: "P-256" },
      true,
      ["verify"],
    ),
  "a private key without usages": async ({ ec }) =>
    s.importKey("jwk", await s.exportKey("jwk", ec.privateKey), { name: "ECDSA", namedCurve: "P-256" }, true, []),
  "private and public halves of two keys": async ({ ec, dh }) =>
    s.importKey(
      "jwk",
      {
        ...(await s.exportKey("jwk", ec.privateKey)),
        x: (await s.exportKey("jwk", dh.publicKey)).x,
        y: (await s.exportKey("jwk", dh.publicKey)).y,
      },
      { name: "ECDSA", namedCurve: "P-256" },
      true,
      ["sign"],
    ),
});
checks["mistakes: importing a public or private key, part 1"] = mistakes({
  "imp ec nocurve": () => s.importKey("raw", u, { name: "ECDSA" }, true, ["verify"]),
  "imp ec badcurve": () => s.importKey("raw", u, { name: "ECDSA", namedCurve: "P-1" }, true, ["verify"]),
  "imp ec raw bad": () => s.importKey("raw", u, { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]),
  "imp ec raw priv": () => s.importKey("raw", u, { name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]),
  "imp ec spki junk": () => s.importKey("spki", u, { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]),
  "imp ec pkcs8 junk": () => s.importKey("pkcs8", u, { name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]),
  "imp rsa pkcs8 junk": () => s.importKey("pkcs8", u, { name: "RSA-PSS", hash: "SHA-256" }, true, ["sign"]),
  "imp rsa raw": () => s.importKey("raw", u, { name: "RSA-PSS", hash: "SHA-256" }, true, ["verify"]),
  "raw ed": () => s.importKey("raw", u.slice(1), "Ed25519", true, ["verify"]),
  "raw ed kp": () => s.importKey("raw", u, { name: "Ed25519" }, true, ["sign"]),
  "hkdf pkcs8": () => s.importKey("pkcs8", u, "HKDF", false, ["deriveBits"]),
  "SPKI of EC as RSA": async ({ ec }) =>
    s.importKey("spki", await s.exportKey("spki", ec.publicKey), { name: "RSA-PSS", hash: "SHA-256" }, true, [
      "verify",
    ]),
});
checks["mistakes: importing a public or private key, part 2"] = mistakes({
  "SPKI of another curve": async ({ ec }) =>
    s.importKey("spki", await s.exportKey("spki", ec.publicKey), { name: "ECDSA", namedCurve: "P-384" }, true, [
      "verify",
    ]),
});
checks["mistakes: exporting"] = mistakes({
  "export spki of secret": ({ ak }) => s.exportKey("spki", ak),
  "export raw of priv": ({ ec }) => s.exportKey("raw", ec.privateKey),
  "export notkey": () => s.exportKey("raw", {}),
  "export fmt": ({ ak }) => s.exportKey("x", ak),
  "export pkcs8 of pub": ({ ec }) => s.exportKey("pkcs8", ec.publicKey),
  "exportKey 1": () => s.exportKey("raw"),
  "exp jwk kw": ({ kw }) => s.exportKey("jwk", kw),
  "exp spki hm": ({ kw }) => s.exportKey("pkcs8", kw),
  "raw of a public RSA key": ({ rsa }) => s.exportKey("raw", rsa.publicKey),
  "raw of a private Ed25519 key": ({ ed }) => s.exportKey("raw", ed.privateKey),
});
checks["mistakes: signing"] = mistakes({
  "sign wrong usage": ({ hk }) => s.verify("HMAC", hk, u, u),
  "sign wrong alg": ({ hk }) => s.sign("ECDSA", hk, u),
  "sign alg mismatch2": ({ hk }) => s.sign("AES-GCM", hk, u),
  "sign notkey": () => s.sign("HMAC", {}, u),
  "sign str": ({ hk }) => s.sign("HMAC", hk, "x"),
  "ecdsa nohash": ({ ec }) => s.sign("ECDSA", ec.privateKey, u),
  "ecdsa pub sign": ({ ec }) => s.sign({ name: "ECDSA", hash: "SHA-256" }, ec.publicKey, u),
  "ecdsa verify w/ short sig": ({ ec }) => s.verify({ name: "ECDSA", hash: "SHA-256" }, ec.publicKey, u, u),
  "sign 2 args": ({ hk }) => s.sign("HMAC", hk),
  "verify 3": ({ ak }) => s.verify("HMAC", ak, u),
  "RSA-PSS without a salt length": ({ rsa }) => s.sign({ name: "RSA-PSS" }, rsa.privateKey, u),
  "RSA-PSS with too long a salt": ({ rsa }) => s.sign({ name: "RSA-PSS", saltLength: 200 }, rsa.privateKey, u),
});
checks["mistakes: encrypting, part 1"] = mistakes({
  "gcm noiv": ({ ak }) => s.encrypt("AES-GCM", ak, u),
  "gcm iv str": ({ ak }) => s.encrypt({ name: "AES-GCM", iv: "x" }, ak, u),
  "gcm iv empty": ({ ak }) => s.encrypt({ name: "AES-GCM", iv: new Uint8Array(0) }, ak, u),
  "gcm tag": ({ ak }) => s.encrypt({ name: "AES-GCM", iv: u, tagLength: 17 }, ak, u),
  "gcm bad dec": ({ ak }) => s.decrypt({ name: "AES-GCM", iv: u }, ak, u),
  "gcm short dec": ({ ak }) => s.decrypt({ name: "AES-GCM", iv: u }, ak, new Uint8Array(3)),
  "gcm wrong key": ({ cbc }) => s.encrypt({ name: "AES-GCM", iv: u }, cbc, u),
  "cbc iv": ({ cbc }) => s.encrypt({ name: "AES-CBC", iv: u }, cbc, u),
  "cbc dec": ({ cbc }) => s.decrypt({ name: "AES-CBC", iv: u.slice(16) }, cbc, u),
  "cbc dec len": ({ cbc }) => s.decrypt({ name: "AES-CBC", iv: u.slice(16) }, cbc, u.slice(3)),
  "cbc dec empty": ({ cbc }) => s.decrypt({ name: "AES-CBC", iv: u.slice(16) }, cbc, u.slice(32)),
  "ctr len0": ({ ctr }) => s.encrypt({ name: "AES-CTR", counter: u.slice(16), length: 0 }, ctr, u),
});
checks["mistakes: encrypting, part 2"] = mistakes({
  "ctr len129": ({ ctr }) => s.encrypt({ name: "AES-CTR", counter: u.slice(16), length: 129 }, ctr, u),
  "ctr counter": ({ ctr }) => s.encrypt({ name: "AES-CTR", counter: u, length: 64 }, ctr, u),
  "ctr too long": ({ ctr }) =>
    s.encrypt({ name: "AES-CTR", counter: u.slice(16), length: 1 }, ctr, new Uint8Array(100)),
  "ctr nolen": ({ ctr }) => s.encrypt({ name: "AES-CTR", counter: u.slice(16) }, ctr, u),
  tagLength: async ({ hd }) => await s.encrypt({ name: "AES-GCM", iv: u, tagLength: 300 }, hd, u),
  "dec w/o usage": ({ ak }) => s.decrypt({ name: "AES-GCM", iv: u }, ak, u),
  "tag 32": async ({ ak }) => (await s.encrypt({ name: "AES-GCM", iv: u, tagLength: 32 }, ak, u)).byteLength,
  nullkey: () => s.encrypt({ name: "AES-GCM", iv: u }, null, u),
  "encrypt 1": () => s.encrypt("HMAC"),
  "kw enc": ({ kw }) => s.encrypt("AES-KW", kw, u),
  "RSA-OAEP of too much": ({ oaep }) => s.encrypt("RSA-OAEP", oaep.publicKey, new Uint8Array(300)),
  "RSA-OAEP of something else": ({ oaep }) => s.decrypt("RSA-OAEP", oaep.privateKey, new Uint8Array(128)),
});
checks["mistakes: deriving, part 1"] = mistakes({
  "derive pb noiter": ({ pb }) => s.deriveBits({ name: "PBKDF2", salt: u, hash: "SHA-256" }, pb, 256),
  "derive pb iter0": ({ pb }) => s.deriveBits({ name: "PBKDF2", salt: u, hash: "SHA-256", iterations: 0 }, pb, 256),
  "derive pb len null": ({ pb }) => s.deriveBits({ name: "PBKDF2", salt: u, hash: "SHA-256", iterations: 1 }, pb, null),
  "derive pb len 0": ({ pb }) => s.deriveBits({ name: "PBKDF2", salt: u, hash: "SHA-256", iterations: 1 }, pb, 0),
  "derive pb len 7": ({ pb }) => s.deriveBits({ name: "PBKDF2", salt: u, hash: "SHA-256", iterations: 1 }, pb, 7),
  "hkdf noinfo": ({ hd }) => s.deriveBits({ name: "HKDF", salt: u, hash: "SHA-256" }, hd, 256),
  "hkdf long": ({ hd }) => s.deriveBits({ name: "HKDF", salt: u, info: u, hash: "SHA-256" }, hd, 256 * 8 * 255 + 8),
  "hkdf 7": ({ hd }) => s.deriveBits({ name: "HKDF", salt: u, info: u, hash: "SHA-256" }, hd, 7),
  "hkdf 0": ({ hd }) => s.deriveBits({ name: "HKDF", salt: u, info: u, hash: "SHA-256" }, hd, 0),
  "hkdf null": ({ hd }) => s.deriveBits({ name: "HKDF", salt: u, info: u, hash: "SHA-256" }, hd, null),
  "ecdh nopublic": ({ dh }) => s.deriveBits({ name: "ECDH" }, dh.privateKey, 256),
  "ecdh private as public": ({ dh }) => s.deriveBits({ name: "ECDH", public: dh.privateKey }, dh.privateKey, 256),
});
checks["mistakes: deriving, part 2"] = mistakes({
  "ecdh long": ({ dh }) => s.deriveBits({ name: "ECDH", public: dh.publicKey }, dh.privateKey, 512),
  "ecdh null": ({ dh }) => s.deriveBits({ name: "ECDH", public: dh.publicKey }, dh.privateKey, null),
  "ecdh 7": ({ dh }) => s.deriveBits({ name: "ECDH", public: dh.publicKey }, dh.privateKey, 7),
  "ecdh wrongkey": ({ ec, dh }) => s.deriveBits({ name: "ECDH", public: ec.publicKey }, dh.privateKey, 256),
  "ecdh base pub": ({ dh }) => s.deriveBits({ name: "ECDH", public: dh.publicKey }, dh.publicKey, 256),
  deriveKey: ({ pb }) =>
    s.deriveKey({ name: "PBKDF2", salt: u, hash: "SHA-256", iterations: 1 }, pb, { name: "AES-GCM" }, false, [
      "encrypt",
    ]),
  deriveKeyhmac: ({ pb }) =>
    s.deriveKey(
      { name: "PBKDF2", salt: u, hash: "SHA-256", iterations: 1 },
      pb,
      { name: "HMAC", hash: "SHA-256" },
      true,
      ["sign"],
    ),
  "deriveKey ecdh": ({ dh }) =>
    s.deriveKey({ name: "ECDH", public: dh.publicKey }, dh.privateKey, { name: "AES-GCM", length: 256 }, true, [
      "encrypt",
    ]),
  "deriveKey to hkdf": async ({ hd }) =>
    (await s.deriveKey({ name: "HKDF", salt: u, info: u, hash: "SHA-256" }, hd, "HKDF", false, ["deriveBits"]))
      .algorithm,
  "deriveKey hmac len": async ({ hd }) =>
    (
      await s.deriveKey(
        { name: "HKDF", salt: u, info: u, hash: "SHA-256" },
        hd,
        { name: "HMAC", hash: "SHA-256", length: 40 },
        false,
        ["sign"],
      )
    ).algorithm,
  "deriveKey hmac 0": async ({ hd }) =>
    (
      await s.deriveKey(
        { name: "HKDF", salt: u, info: u, hash: "SHA-256" },
        hd,
        { name: "HMAC", hash: "SHA-256", length: 0 },
        false,
        ["sign"],
      )
    ).algorithm,
  "deriveKey noargs": async ({ hd }) => await s.deriveKey({ name: "HKDF", salt: u, info: u, hash: "SHA-256" }, hd),
});
checks["mistakes: deriving, part 3"] = mistakes({
  "deriveKey aes len": async ({ hd }) =>
    await s.deriveKey(
      { name: "HKDF", salt: u, info: u, hash: "SHA-256" },
      hd,
      { name: "AES-GCM", length: 100 },
      false,
      ["encrypt"],
    ),
  "deriveKey empty usages": async ({ hd }) =>
    await s.deriveKey(
      { name: "HKDF", salt: u, info: u, hash: "SHA-256" },
      hd,
      { name: "AES-GCM", length: 128 },
      false,
      [],
    ),
  "deriveBits mismatch": async ({ hd }) =>
    await s.deriveBits({ name: "PBKDF2", salt: u, iterations: 1, hash: "SHA-256" }, hd, 128),
  "deriveBits undefined": async ({ hd }) => await s.deriveBits({ name: "HKDF", salt: u, info: u, hash: "SHA-256" }, hd),
  "deriveBits -1": async ({ hd }) => await s.deriveBits({ name: "HKDF", salt: u, info: u, hash: "SHA-256" }, hd, -8),
  "iterations -1": async ({ hd }) =>
    await s.deriveBits({ name: "PBKDF2", salt: u, iterations: -1, hash: "SHA-256" }, hd, 8),
  "iterations NaN": async ({ hd }) =>
    await s.deriveBits({ name: "PBKDF2", salt: u, iterations: NaN, hash: "SHA-256" }, hd, 8),
  "iterations str": async ({ hd }) =>
    await s.deriveBits({ name: "PBKDF2", salt: u, iterations: "x", hash: "SHA-256" }, hd, 8),
  "deriveBits 1": () => s.deriveBits("HKDF"),
});
checks["mistakes: generating"] = mistakes({
  "gen usage": () => s.generateKey({ name: "HMAC", hash: "SHA-256" }, true, []),
  "gen aes len": () => s.generateKey({ name: "AES-GCM", length: 100 }, true, ["encrypt"]),
  "gen aes nolen": () => s.generateKey({ name: "AES-GCM" }, true, ["encrypt"]),
  "gen ec nousage": () => s.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]),
  "gen ec curve": () => s.generateKey({ name: "ECDSA", namedCurve: "K" }, true, ["sign"]),
  "gen rsa exp": () =>
    s.generateKey(
      { name: "RSA-PSS", modulusLength: 2048, publicExponent: new Uint8Array([2]), hash: "SHA-256" },
      true,
      ["sign"],
    ),
  "gen rsa nomod": () =>
    s.generateKey({ name: "RSA-PSS", publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, true, ["sign"]),
  "gen hkdf": () => s.generateKey("HKDF", true, ["deriveBits"]),
  "gen hmac len0": () => s.generateKey({ name: "HMAC", hash: "SHA-256", length: 0 }, true, ["sign"]),
  "gen rsa small": () =>
    s.generateKey(
      { name: "RSA-PSS", modulusLength: 64, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
      true,
      ["sign"],
    ),
  "pub exp arr": () =>
    s.generateKey({ name: "RSA-PSS", modulusLength: 1024, publicExponent: [1, 0, 1], hash: "SHA-1" }, true, ["sign"]),
  "generateKey 1": () => s.generateKey("HKDF"),
});
checks["mistakes: wrapping"] = mistakes({
  "unwrap bad": ({ kw }) => s.unwrapKey("raw", u, kw, "AES-KW", "AES-GCM", true, ["encrypt"]),
  "wrap usage": ({ ak }) => s.wrapKey("raw", ak, ak, { name: "AES-GCM", iv: u }),
  "wrap alg": ({ ak, kw }) => s.wrapKey("raw", ak, kw, "HMAC"),
  "wrap 3": ({ ak }) => s.wrapKey("raw", ak, ak),
  "unwrap 3": ({ ak }) => s.unwrapKey("raw", ak, ak),
  "jwk wrap kw": ({ kw, ec }) => s.wrapKey("jwk", ec.privateKey, kw, "AES-KW"),
  "pkcs8 wrap kw": ({ kw, ec }) => s.wrapKey("pkcs8", ec.privateKey, kw, "AES-KW"),
  "unwrap no usage": ({ ak }) => s.unwrapKey("raw", u, ak, { name: "AES-GCM", iv: u }, "AES-GCM", true, ["encrypt"]),
});
checks["mistakes: constructors"] = mistakes({
  CryptoKey: () => new CryptoKey(),
  SubtleCrypto: () => new SubtleCrypto(),
});
checks["mistakes: usages, for every algorithm"] = mistakes(
  Object.fromEntries(
    [
      ["AES-GCM", { length: 128 }, "sign"],
      ["AES-KW", { length: 128 }, "encrypt"],
      ["HMAC", { hash: "SHA-1" }, "encrypt"],
      ["RSA-OAEP", { modulusLength: 1024, publicExponent: exp, hash: "SHA-1" }, "sign"],
      ["RSA-PSS", { modulusLength: 1024, publicExponent: exp, hash: "SHA-1" }, "encrypt"],
      ["ECDSA", { namedCurve: "P-256" }, "encrypt"],
      ["ECDH", { namedCurve: "P-256" }, "sign"],
      ["Ed25519", {}, "encrypt"],
      ["X25519", {}, "sign"],
    ]
      .flatMap(([name, parameters, usage]) => [
        [`${name} made`, () => s.generateKey({ name, ...parameters }, true, [usage])],
        [`${name} made for nothing`, () => s.generateKey({ name, ...parameters }, true, [])],
        [`${name} from raw`, () => s.importKey("raw", u, { name, ...parameters }, true, [usage])],
        [`${name} from spki`, () => s.importKey("spki", u, { name, ...parameters }, true, [usage])],
        [`${name} from pkcs8`, () => s.importKey("pkcs8", u, { name, ...parameters }, true, [usage])],
        [
          `${name} from a JWK of another kind`,
          () => s.importKey("jwk", { kty: "zzz" }, { name, ...parameters }, true, [usage]),
        ],
        [`${name} from nothing, for nothing`, () => s.importKey("pkcs8", u, { name, ...parameters }, true, [])],
      ])
      .filter(([name]) => name !== "HMAC from nothing, for nothing"),
  ),
);
