// WebCrypto: operations with fixed keys, and what Node made. No results here but Node's own: the runner compares.

import { KEYS, bytes, hex, publicOf, unbase64 } from "../material/crypto.js";

const MADE_BY_NODE = {
  "pss SHA-1":
    "cbfrWPi0mAqk_RTEzzdd4w3DAXxwVzBpMCKtV1Y9tqg0cI8xl1LzpO-TbaCOumo_FIXBlczi7_H5Gm0qttjAD0fNf1vlL-TlNYqOEaOtprh41Z3XCgEBOPS_4cjW9Ku6fXtQ2x5dTayTou0fvomnbTS2Ldt3aW4xla7RlYQ4H1ZGzfnQHEWZNdXZdujtLh1HABipXRPor0bZYfMru4WED74IKdBYT84hfOSlevLYEPSk-izpHQIA9Znws5pe6TYPnnObsTR0Rz1J_ae2YWgVI5WldDwjR61MTM7B3Go3l3iVzWt6CYiI7_z1iQdUbYHrOhPvNeOalh6WIzqOE4RXzA",
  "oaep SHA-1":
    "HtO3ofWWuTAHDvsug4HZ53UOFxCzIAguyb8nYM5SImjk_i8rQ_iCrsNudkuI56isT0ZGS2WrKuPwNa3aHGCp5kLpeD0gPw-9LLaJBfWNDpgDU269Zapx1JzYiL8JgXZH8QP63erBSZtnEPxmCPicUWOhaxByb0t_kFTzCO0H2mz1sIXaB557WLg2nYNwQbzsqG6vlE5UMXp9KZ7iNrJn6x1ZUmnaoTZwA_IRXnUZZtgTDE1PC0I19sWgEu0W-DP9aUA43NmEIB1EjlGQQsX2F0Eg25LxBlQlRKDPQH5t8wKycDWjrCjGMVE0nGXpBH6epM30mEjotJ5i1hSTE2XywA",
  "ecdsa P-256 SHA-1": "6mqStYr2LGlhqhtMNX66c-723iY7iAECKq729lkMZKuvKyelCK6nlECHXjFw8E25jhRkBteWKtRISkAcw5O5Og",
  "ecdsa P-384 SHA-1":
    "6dQiILbD-YYixzwVVCgn8uAchQV7TXP9Io405aRtztl5daSEMbRGTX8fSDNqTsOEjevNptBNkkrnjbHbzh9g1EBnIlmOVGbP-QGvt7CeCGHpl7qiz1dZT4GY_axwh-k-",
  "ecdsa P-521 SHA-1":
    "AN6q7qdSEyrc5JGOTuMCku5vjaR7jNBJ8_zzZIjE8BTBpkiJ5dYRzl_YuaQOC9jloS919xVxhR1LLJAdh_znMQGjASs5BaLrs7toC_okS-8aTqjUxtiaG1hUKVjzzXwY2BeqcIwhCbtldRlIKbbpI41R4VmS1kUk_m8jey8SXfIEsNUy",
  "pss SHA-256":
    "Tx_N0htGZm-6ABrpG1o4VxHOKzqbO22TSgmez0Zqol0yDNVOFXxP1x5rQn1SWGxY0TdRf4-sYVYhhYpMxL41vZEquO8dhSr4j8UfxP1xFyXScvOrSRqnBtCPMO-p7l10nXyCvSP25Vlmt2xvCM8pRwAfx69HxJHSe2BCvYdpcnGGYSrjUFDbC35VDC3oIae2Kk_nFJEfJVD8M3i92Mai1q8xfu55xT6A5DLH8wefIs4BzQ5iprEqFjHhbpl5npFjhqtChr3xcYaEIIpdEYzSodgqkoUIOSKFrOGnBssXZxB5_O6x0lS2qpbpRdEyBcmDHTpbRQhSYjbcSUxZyRMktA",
  "oaep SHA-256":
    "l2LSdUehTChUnp3h67qP3F_UFMAR3TJOZktyNSbXk0WRy3XNGrq7QXpwI_fPL3EM8F9K5By09kMqeXGgRFR1y4hrdyI-CZLuPF6b2RKJK0e1c4p5l71BKVfnBMi86R6J0VrXYWUOl3JsaMDQu-34yD6Isk_YGdzTJyP1g7pr4FPe8G4WjSc-XSmzVAI2dlbWCZ79CRcglHjg9bu6vYr8oFOwm6JNe9vn3Ztfeo0HaAjwS-XbtrC9TzuVFbpykgpIyp0wSM59JKOlpeMWhHC2_ZNhDH9yMfvQCyCQ9ydbmyFJnKO14x-8UygLkq-gzG1c9qdKmt5LaOgsFDFG6Eqdlw",
  "ecdsa P-256 SHA-256": "wcqfP1Zccl-EnCpTsmHnxlU2oFkQTqsXzQmtMg_5B24nkIeieJsvTjnMbU6zdOomUhRshjh_pmraCvwC2C5Fyw",
  "ecdsa P-384 SHA-256":
    "nBT6mu3im7XeJVSMMjIOvOkOKGfUHZyWFIlxao6uoMI1DTJtE3Tf9U-b1o44c2M7WeFzdBrgKGQnztuUEMlWy-YKiRlg27WPXgaif3SWyqGFDOLLOH3MpCZACDy9T112",
  "ecdsa P-521 SHA-256":
    "AMikQ3_ExKe3by8OpIfJYOqunMhcc8BJ2ron1LDuge22zq6szmQwNCqq2tFLjfzgcE838KzAIrqjUxQleEAIbSm7AWEWn5xnYsa6uc1az-cRKtKjvpUTyo1r0FKEj_NNY7yH3LYvI7FW4whQtmdEVlQ_Re47vog18yL9inY2YmLUYJNZ",
  "pss SHA-384":
    "eza0O3fxcSU_CCysf8z_Wdzf1CCz8yJObknllXqPwOBfNcNn_w7cwlwyJ-DY7pdt8oGNj3Rw5nq_UhkCLdGL39qf38McZ_IWVskhgRJgfIxPyGHbTAqk0YUMq_uvT7j73AgTq3XkoXnY_3ZhcZvuNzMc5hObkrWYNbafSWrAH_OWLBvaTKgoQ6aBcyWNP3HJaFDcIVf1-Ke0Grf3C6sbIzbjLLYaFl8lI1SSbbvSWqn2uhjcCjY7JVXl8WaO6uwtykMUva-A6xrrcMNisvRyBO64349CK7RrgPLAd8wvJUBRgtdeKR0Njlr8j8JXLx2zi5nD_mYEiYxy6H7al7-6PA",
  "oaep SHA-384":
    "KcSjZlmjqWo5OYjL-ypbiiE6DJltfVYfZtSSnfdAQBXQBUMAtcYWDlVUsxUyt05RUL393fmW-U4ukZiS331IzD4KmXLNnzSQu-9Zo9x_iXumIis7-zFi8mOIlBtqWXB6oNWTHDH0rnY_dy93uzwjuWsGgcgF7uL_O14nQ6tVlGdOf_9LfYJov5ox3rliGDusv4FroebpMvKHrb4qIz63i3sMwsF3QzMq87iSil1ynWyVQb4i03uw9OaySzpo_cfH2a-mqwbkWXI-A1eWnf9RSB6t3VaM3On3r8a5tjifOt1eHovWIz7XIgO1VPkb43Iv_Es84Ljmaq0-FjROvXVD4A",
  "ecdsa P-256 SHA-384": "19i7GmrYX63eqSUi3ki1BVbFNNtjSaRa81ZNLvaX2RJhb23urzkZOf6AJ_1_a5juT-3kdT9dRLwPWLRGfM9_DQ",
  "ecdsa P-384 SHA-384":
    "qERGUOA_NtvmoTeuaaG8NpExAvSVGCYJv5Lsa1wzpMcZKYOsrwY4laxytW3OPNKgAd31nvPI8GbPkXxuIifddIG-JVPXrgOq36PlFCxYFx_TSFuoDArvr8DY3H2BEAMc",
  "ecdsa P-521 SHA-384":
    "AUTAjtc3KaDOhFfs6avWyA8VAW5Wy4gdRZ6dPY_rkp5xmb5toW7uQXYOBDPHmwWEsB1QDrtEnmBemZ5Jtxms9DleABTZ3OMGITUxNrbALt02at1PQg17tiWHPxgcsdK0ECn1oSB3U1u857mPLKW_vpSXlD28Xt4zgKxw_dqaRVFlQzRU",
  "pss SHA-512":
    "WP19Gcf59R4p1c5r-irUu6eQbpX9cRDaye-V42ZM_jU-T5SxlsatSuqH0Qz-Mx40KGmBhhy1l61xH4O_gVW_6mIMqJtuykgbpRxWOQWIZzOhPA_fm2XX_4cZQnrPKrEDi21VRBNIXLwh4c_9KCULD4dO0AXdSBJioKDDgEP7wbAk_hBYpBe2ebZdCfrcFf016VaRAr_O79f45YQj-wLkX1x5jjNoupuUWKl29Zw72mdMu9vwmQu9I2ICMq--iBeoK4rmEwP9YU2fBo98JL06UCyf-Gsa0ZsGORlMfMagPdOFFYaDP9A7i1qhM8_fTRuyGigfpjhncQfsfBpl3Y9gMA",
  "oaep SHA-512":
    "Kl8IVJYM0fPvUKdjObV_8daa6rRI776rmSDFDa0gfohRUsI7GmSyAbjzm6szezsPft1NV42OSPO_REDAXmhZ0V2725w-CuTARPVhP4MV3gXfJeNQ5dl7uMflTVn6M97RIyk0gZSZOIrC_ZERa82Io6qf3w96lyZMpnO5ot7GO2Wh3IA4A6BsBBiMdoIs72voON73EwjAkZ8S8MusWp8XyMezpJ4CF0VaVM4UaVa815rbtujt_1TCYfjrXnpNf2hrHRBBDKHWKIWSbWRp_jUAyqRz2O2DWAnvjYUiHOVL7X6VwNUAXjKqpJ-X2LJc05JH4fVXELg31QTZMTgTbibpjg",
  "ecdsa P-256 SHA-512": "r5nbD6plWStY-vr8aQ-ZIpB0kgBwp9Q3H9PgzF_k5Ad8kHBwAIvhhiThfNwoMqnA3wb8MqLxW84O2iwwc6tuuQ",
  "ecdsa P-384 SHA-512":
    "NMDRDTiSlyeYypL7rXJFXVH0o6vbHT63TbiyGJtVP6tvMP-Xkh-eWKwyZEa7O1Z_rxRDnAPIkSuP4VKeUACwiSdgFmoNP0tVUsrhPDY9Gb41mHcq2cRXiGGaZ8qc0lMo",
  "ecdsa P-521 SHA-512":
    "Aaodpnc0Tco_EiYl1-E1dLO4Lmyj-26gaTErOLe9IIOgT72FwpsWIIjE0oa1TvUqFOaZUaV3ZCpbkLxG1s4-ERaJAUofWfsvQNvRKrigyEsuN__80fWos9C0bt7VkLyXFFgLuYB9FBGbZUJqX6cVJ1juSccE8CdkyKFMWtDEuYUm1ahF",
};

const { subtle } = crypto;
const encoder = new TextEncoder();
const text = (value) => encoder.encode(value);
const unhex = (value) => Uint8Array.from(value.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const MESSAGE = text("The quick brown fox");
const HASHES = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"];
const CURVES = ["P-256", "P-384", "P-521"];
const keyOf = (curve) => KEYS[curve.replace("-", "").toLowerCase()];
const secret = (data, algorithm, usages) => subtle.importKey("raw", data, algorithm, true, usages);
const jwk = (data, algorithm, usages) => subtle.importKey("jwk", data, algorithm, true, usages);
const each = async (list, run) => {
  const results = {};
  for (const item of list) results[item] = await run(item);
  return results;
};

export const checks = {};

for (const hash of HASHES) {
  checks[`digest: ${hash} of lengths around its block`] = () =>
    each([0, 1, 55, 56, 63, 64, 111, 112, 127, 128, 1000], async (length) =>
      hex(await subtle.digest(hash, bytes(length))),
    );
  checks[`digest: ${hash} of more than a megabyte`] = async () =>
    hex(await subtle.digest({ name: hash }, bytes(1_200_001)));
  checks[`HMAC: ${hash} with short, block-long and long keys`] = () =>
    each([1, 20, 64, 65, 128, 129, 200], async (length) => {
      const key = await secret(bytes(length), { name: "HMAC", hash }, ["sign", "verify"]);
      const tag = await subtle.sign("HMAC", key, MESSAGE);
      const changed = new Uint8Array(tag);
      changed[3] ^= 1;
      return [
        hex(tag),
        await subtle.verify("HMAC", key, tag, MESSAGE),
        await subtle.verify("HMAC", key, changed, MESSAGE),
        await subtle.verify("HMAC", key, tag.slice(1), MESSAGE),
        await subtle.verify("HMAC", key, new Uint8Array(0), MESSAGE),
      ];
    });
  checks[`HKDF: ${hash}`] = () =>
    each([8, 128, 256, 1000, 4096], async (bits) => {
      const key = await secret(bytes(22), "HKDF", ["deriveBits"]).catch(() =>
        subtle.importKey("raw", bytes(22), "HKDF", false, ["deriveBits"]),
      );
      return hex(await subtle.deriveBits({ name: "HKDF", hash, salt: bytes(13), info: bytes(10, 5) }, key, bits));
    });
  checks[`PBKDF2: ${hash}`] = () =>
    each([1, 2, 1000], async (iterations) => {
      const key = await subtle.importKey("raw", text("password"), "PBKDF2", false, ["deriveBits"]);
      return hex(await subtle.deriveBits({ name: "PBKDF2", hash, salt: text("salt"), iterations }, key, 520));
    });
  checks[`RSASSA-PKCS1-v1_5: ${hash} signs as Node does`] = async () => {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash };
    const signature = await subtle.sign(algorithm.name, await jwk(KEYS.rsa, algorithm, ["sign"]), MESSAGE);
    const key = await jwk(publicOf(KEYS.rsa), algorithm, ["verify"]);
    return [
      hex(signature),
      await subtle.verify(algorithm.name, key, signature, MESSAGE),
      await subtle.verify(algorithm.name, key, signature, text("another")),
      await subtle.verify(algorithm.name, key, signature.slice(1), MESSAGE),
    ];
  };
  checks[`RSA-PSS: ${hash} reads Node's signature`] = async () => {
    const key = await jwk(publicOf(KEYS.rsa), { name: "RSA-PSS", hash }, ["verify"]);
    const signature = unbase64(MADE_BY_NODE[`pss ${hash}`]);
    return [
      await subtle.verify({ name: "RSA-PSS", saltLength: 20 }, key, signature, MESSAGE),
      await subtle.verify({ name: "RSA-PSS", saltLength: 21 }, key, signature, MESSAGE),
      await subtle.verify({ name: "RSA-PSS", saltLength: 20 }, key, signature, text("another")),
    ];
  };
  checks[`RSA-PSS: ${hash} round trip with salts`] = () =>
    each([0, 1, 20, 32, 48, 64], async (saltLength) => {
      const algorithm = { name: "RSA-PSS", hash, saltLength };
      const signature = await subtle.sign(algorithm, await jwk(KEYS.rsa, algorithm, ["sign"]), MESSAGE);
      const valid = await subtle.verify(
        algorithm,
        await jwk(publicOf(KEYS.rsa), algorithm, ["verify"]),
        signature,
        MESSAGE,
      );
      // Without salt the signature is the same everywhere.
      return [valid, signature.byteLength, saltLength === 0 ? hex(signature) : null];
    });
  checks[`RSA-OAEP: ${hash} reads what Node encrypted`] = async () => {
    const key = await jwk(KEYS.rsa, { name: "RSA-OAEP", hash }, ["decrypt"]);
    return hex(
      await subtle.decrypt({ name: "RSA-OAEP", label: text("lab") }, key, unbase64(MADE_BY_NODE[`oaep ${hash}`])),
    );
  };
  checks[`RSA-OAEP: ${hash} round trip`] = async () => {
    const algorithm = { name: "RSA-OAEP", hash };
    const sealed = await subtle.encrypt(algorithm, await jwk(publicOf(KEYS.rsa), algorithm, ["encrypt"]), MESSAGE);
    const opened = await subtle.decrypt(algorithm, await jwk(KEYS.rsa, algorithm, ["decrypt"]), sealed);
    return [sealed.byteLength, hex(opened)];
  };
  for (const namedCurve of CURVES) {
    checks[`ECDSA: ${namedCurve} with ${hash} reads Node's signature`] = async () => {
      const key = await jwk(publicOf(keyOf(namedCurve)), { name: "ECDSA", namedCurve }, ["verify"]);
      const signature = unbase64(MADE_BY_NODE[`ecdsa ${namedCurve} ${hash}`]);
      const changed = signature.slice();
      changed[10] ^= 1;
      return [
        await subtle.verify({ name: "ECDSA", hash }, key, signature, MESSAGE),
        await subtle.verify({ name: "ECDSA", hash }, key, changed, MESSAGE),
        await subtle.verify({ name: "ECDSA", hash }, key, signature, text("another")),
      ];
    };
    checks[`ECDSA: ${namedCurve} with ${hash} round trip`] = async () => {
      const algorithm = { name: "ECDSA", namedCurve, hash };
      const signature = await subtle.sign(algorithm, await jwk(keyOf(namedCurve), algorithm, ["sign"]), MESSAGE);
      const key = await jwk(publicOf(keyOf(namedCurve)), algorithm, ["verify"]);
      return [signature.byteLength, await subtle.verify(algorithm, key, signature, MESSAGE)];
    };
  }
}

for (const size of [16, 24, 32]) {
  const bits = size * 8;
  checks[`AES-GCM: ${bits} bits, nonces of several lengths`] = () =>
    each([12, 13, 16, 17, 60, 128], async (length) => {
      const key = await secret(bytes(size), "AES-GCM", ["encrypt", "decrypt"]);
      const algorithm = { name: "AES-GCM", iv: bytes(length, 3) };
      const sealed = await subtle.encrypt(algorithm, key, bytes(50));
      return [hex(sealed), hex(await subtle.decrypt(algorithm, key, sealed)) === hex(bytes(50))];
    });
  checks[`AES-GCM: ${bits} bits, every tag length`] = () =>
    each([32, 64, 96, 104, 112, 120, 128], async (tagLength) => {
      const key = await secret(bytes(size), "AES-GCM", ["encrypt", "decrypt"]);
      const algorithm = { name: "AES-GCM", iv: bytes(12), tagLength };
      const sealed = await subtle.encrypt(algorithm, key, MESSAGE);
      return [hex(sealed), hex(await subtle.decrypt(algorithm, key, sealed))];
    });
  checks[`AES-GCM: ${bits} bits, additional data`] = () =>
    each([0, 1, 16, 17, 100], async (length) => {
      const key = await secret(bytes(size), "AES-GCM", ["encrypt", "decrypt"]);
      const algorithm = { name: "AES-GCM", iv: bytes(12), additionalData: bytes(length) };
      const sealed = await subtle.encrypt(algorithm, key, MESSAGE);
      const other = { ...algorithm, additionalData: bytes(length + 1) };
      return [
        hex(sealed),
        await subtle.decrypt(other, key, sealed).then(
          () => "opened",
          (error) => error.name,
        ),
      ];
    });
  checks[`AES-GCM: ${bits} bits, lengths around blocks`] = () =>
    each([0, 1, 15, 16, 17, 31, 32, 33, 127, 128, 129, 1000], async (length) => {
      const key = await secret(bytes(size), "AES-GCM", ["encrypt"]);
      return hex(await subtle.encrypt({ name: "AES-GCM", iv: bytes(12) }, key, bytes(length)));
    });
  checks[`AES-CBC: ${bits} bits, lengths around blocks`] = () =>
    each([0, 1, 15, 16, 17, 31, 32, 33, 1000], async (length) => {
      const key = await secret(bytes(size), "AES-CBC", ["encrypt", "decrypt"]);
      const algorithm = { name: "AES-CBC", iv: bytes(16, 9) };
      const sealed = await subtle.encrypt(algorithm, key, bytes(length));
      return [hex(sealed), hex(await subtle.decrypt(algorithm, key, sealed)) === hex(bytes(length))];
    });
  checks[`AES-CTR: ${bits} bits, counters of any width`] = () =>
    each([4, 8, 9, 32, 33, 64, 96, 127, 128], async (length) => {
      const key = await secret(bytes(size), "AES-CTR", ["encrypt", "decrypt"]);
      const algorithm = { name: "AES-CTR", counter: bytes(16, 200), length };
      const sealed = await subtle.encrypt(algorithm, key, bytes(100));
      return [hex(sealed), hex(await subtle.decrypt(algorithm, key, sealed)) === hex(bytes(100))];
    });
  checks[`AES-CTR: ${bits} bits, counters that wrap`] = () =>
    each([4, 8, 31, 32, 64, 127, 128], async (length) => {
      const key = await secret(bytes(size), "AES-CTR", ["encrypt"]);
      const counter = new Uint8Array(16).fill(255);
      counter[15] = 254;
      return hex(await subtle.encrypt({ name: "AES-CTR", counter, length }, key, bytes(200)));
    });
  checks[`AES-KW: ${bits} bits wraps keys`] = () =>
    each([16, 24, 32, 64], async (length) => {
      const key = await secret(bytes(size), "AES-KW", ["wrapKey", "unwrapKey"]);
      const inner = { name: "HMAC", hash: "SHA-256" };
      const wrapped = await subtle.wrapKey("raw", await secret(bytes(length, 1), inner, ["sign"]), key, "AES-KW");
      const opened = await subtle.unwrapKey("raw", wrapped, key, "AES-KW", inner, true, ["sign"]);
      return [hex(wrapped), hex(await subtle.exportKey("raw", opened))];
    });
}

for (const namedCurve of CURVES) {
  checks[`ECDH: ${namedCurve}, all lengths`] = () =>
    each([null, 8, 12, 128, 250, 256], async (length) => {
      const algorithm = { name: "ECDH", namedCurve };
      const own = await jwk(keyOf(namedCurve), algorithm, ["deriveBits"]);
      const peer = await jwk(publicOf(KEYS[`${namedCurve.replace("-", "").toLowerCase()}Peer`]), algorithm, []);
      return hex(await subtle.deriveBits({ name: "ECDH", public: peer }, own, length));
    });
  checks[`ECDH: ${namedCurve}, a derived key`] = async () => {
    const algorithm = { name: "ECDH", namedCurve };
    const own = await jwk(keyOf(namedCurve), algorithm, ["deriveKey"]);
    const peer = await jwk(publicOf(KEYS[`${namedCurve.replace("-", "").toLowerCase()}Peer`]), algorithm, []);
    const key = await subtle.deriveKey({ name: "ECDH", public: peer }, own, { name: "AES-GCM", length: 256 }, true, [
      "encrypt",
    ]);
    return [key.algorithm, key.usages, hex(await subtle.exportKey("raw", key))];
  };
}

checks["X25519: shared bits and a derived key"] = async () => {
  const own = await jwk(KEYS.x25519, "X25519", ["deriveBits", "deriveKey"]);
  const peer = await jwk(publicOf(KEYS.x25519Peer), "X25519", []);
  const algorithm = { name: "X25519", public: peer };
  const key = await subtle.deriveKey(algorithm, own, { name: "HMAC", hash: "SHA-256", length: 200 }, true, ["sign"]);
  return [
    hex(await subtle.deriveBits(algorithm, own, null)),
    hex(await subtle.deriveBits(algorithm, own, 200)),
    hex(await subtle.exportKey("raw", key)),
  ];
};
checks["X25519: a point of small order is refused"] = async () => {
  const own = await jwk(KEYS.x25519, "X25519", ["deriveBits"]);
  const peer = await subtle.importKey("raw", new Uint8Array(32), "X25519", true, []);
  return subtle.deriveBits({ name: "X25519", public: peer }, own, 256).then(
    () => "derived",
    (error) => error.name,
  );
};
checks["Ed25519: signs as Node does"] = async () => {
  const signature = await subtle.sign("Ed25519", await jwk(KEYS.ed25519, "Ed25519", ["sign"]), MESSAGE);
  const key = await jwk(publicOf(KEYS.ed25519), "Ed25519", ["verify"]);
  return [
    hex(signature),
    await subtle.verify("Ed25519", key, signature, MESSAGE),
    await subtle.verify("Ed25519", key, signature, text("another")),
    await subtle.verify({ name: "ed25519" }, key, signature.slice(1), MESSAGE),
  ];
};
checks["Ed25519: the first vector of RFC 8032"] = async () => {
  const pkcs8 = unhex(
    "302e020100300506032b657004220420" + "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
  );
  const key = await subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  return [hex(await subtle.sign("Ed25519", key, new Uint8Array(0))), (await subtle.exportKey("jwk", key)).x];
};
checks["HKDF: keys of every kind derived"] = async () => {
  const base = await subtle.importKey("raw", bytes(32), "HKDF", false, ["deriveKey", "deriveBits"]);
  const from = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: text("info") };
  const results = [];
  for (const [algorithm, usage] of [
    [{ name: "AES-GCM", length: 128 }, "encrypt"],
    [{ name: "AES-CBC", length: 192 }, "decrypt"],
    [{ name: "AES-CTR", length: 256 }, "encrypt"],
    [{ name: "AES-KW", length: 256 }, "wrapKey"],
    [{ name: "HMAC", hash: "SHA-256" }, "sign"],
    [{ name: "HMAC", hash: "SHA-512", length: 264 }, "verify"],
  ]) {
    const key = await subtle.deriveKey(from, base, algorithm, true, [usage]);
    results.push([key.algorithm, key.usages, hex(await subtle.exportKey("raw", key))]);
  }
  return results;
};
checks["HMAC: a GitHub-like webhook signature"] = async () => {
  const key = await secret(text("It's a Secret to Everybody"), { name: "HMAC", hash: { name: "sha-256" } }, ["sign"]);
  return hex(await subtle.sign("HMAC", key, text("Hello, World!")));
};
checks["JWT: HS256, RS256, ES256 and EdDSA tokens verify"] = async () => {
  const encode = (value) =>
    btoa(String.fromCharCode(...value))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  const results = {};
  for (const [alg, imported, algorithm, privateKey, publicKey] of [
    [
      "HS256",
      { name: "HMAC", hash: "SHA-256" },
      "HMAC",
      { kty: "oct", k: "c2VjcmV0LXNlY3JldC1zZWNyZXQ" },
      { kty: "oct", k: "c2VjcmV0LXNlY3JldC1zZWNyZXQ" },
    ],
    ["RS256", { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, "RSASSA-PKCS1-v1_5", KEYS.rsa, publicOf(KEYS.rsa)],
    [
      "ES256",
      { name: "ECDSA", namedCurve: "P-256" },
      { name: "ECDSA", hash: "SHA-256" },
      KEYS.p256,
      publicOf(KEYS.p256),
    ],
    ["EdDSA", { name: "Ed25519" }, "Ed25519", KEYS.ed25519, publicOf(KEYS.ed25519)],
  ]) {
    const signed = `${encode(text(JSON.stringify({ alg })))}.${encode(text(JSON.stringify({ sub: "user" })))}`;
    const signature = new Uint8Array(
      await subtle.sign(algorithm, await jwk(privateKey, imported, ["sign"]), text(signed)),
    );
    const valid = await subtle.verify(algorithm, await jwk(publicKey, imported, ["verify"]), signature, text(signed));
    results[alg] = [valid, signature.length, alg === "ES256" ? null : `${signed}.${encode(signature)}`];
  }
  return results;
};
checks["input: views, offsets and shared windows are read as they are at the call"] = async () => {
  const data = bytes(64);
  const view = new DataView(data.buffer, 8, 20);
  const words = new Uint16Array(data.buffer, 2, 7);
  const changing = bytes(16);
  const promise = subtle.digest("SHA-256", changing);
  changing.fill(0);
  return [
    hex(await subtle.digest("SHA-256", view)),
    hex(await subtle.digest("SHA-256", words)),
    hex(await subtle.digest("SHA-256", data.buffer)),
    hex(await subtle.digest("SHA-256", data.subarray(5, 9))),
    hex(await promise),
    (await promise) instanceof ArrayBuffer,
  ];
};
