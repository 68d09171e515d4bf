// WebCrypto: keys coming in and going out in every format.

const KEYS = {
  rsa: {
    kty: "RSA",
    n: "tlBNiiu4vWdELD3b8LuKu_kfBsX5cYAukyrHBlGLblqiBC5GQlhcroQYV-cONyX2wuMmgDH5rdi_fD3itTeYRi4vz8cyQXV18qSscaQvAEwKRkg_oJTsgNjSHN7uvNkCVTnLp3iBSUjmW_QRoInny9DWdv4KizTN6eW9Bw5G2mfDnJh8K-14ikqp3N-sokgYufriY946zNR1sFHMDZkwK8T5OJZRsFkw_XFKiDtevLgGl3dH2dO2AMA8TGjwQsqkTC88b9wf-rSP8ryMQQDTPlfr4aL5ooXkTvh1UabO1mdKEYySIg_1rP1Joo5Otic6moLoREkDd0FmsvQ3QbE8Ow",
    e: "AQAB",
    d: "CExZayuYSg60PKtIIon2w52QOvex5eemtw4gZvo5NXmsnDIbApQRC-R5Uy7yJ7Jzq-U48GbV7YLLHHWYpxTzumYJyRRRBke5aaTzMGz_sqzDXvWU59M_fJHh5myDQ1dBUu3Bhkrm35YQ3iia0MrWISHNUTc49aMeqEHLu9F7ih9RKBqXVlIpyvqhmJ6tXo_vbwBZBVM2IuuMxOpBTUZeCxL3cexD1BIsSkSmjeUpyIocRpC1QU0AenMH-9USCi7ncUsArOJaXCS8EA1Ef6v4R7a_6PoD-Pj1Xm9WS-Pn4VPegG81JAT59DuI3eotRbJ-UZr_dUGHPdx58RGzD5n7aQ",
    p: "9FlGPtQuyhew0uhfRlFAun-pDViZPSV1cC-t1GCjd39FaH_jVwgKYKuLYDK_oqjxMmkMCumOzNyWoA2FWgbRGoiL33GuimMUvegOKfpkFPYCsAnUZDBZP6vAdlfB3E2h4V6iSArCXTeFYiuyvcfdfxaWn_icqvkFXgOOzMxgKC8",
    q: "vwHG1KZ7_WO3vcnTY2DLH3_EOlbbTqf_s9keU-LiCpf8j1ucFi0-DEUdtp-n36HROpeMoyYkUXWPyMw6tGvH92zAHZT188eW4KY-bYX-JxhxajWHRaJ_LBzvrE_0PjUIXOphL6ObsZYJtAUOnN7cT6Gs2zJxhDpKIBEs73PwnbU",
    dp: "mkgUFm-a63dx6nlWTuvW1ursLsUWXIleUWuJcmNiU31Eseqt_LHS-57U7fSdE3Ngd9fkBq_Zvng5ku12mZVcSkiVKIx7DF3rJs1yxAaZUrLSl5xdQrVUZONpLk_S0-sgn1BFXv-MIZeA3K-CuFmN_USh7nfnU_zP6sCMVbtlq3k",
    dq: "MwwbgnuYCYlb8tn8p8OXpax02g6af_QAL6WoKE0rkh86fWnDVl3zBj52iXcz212Y2GrmSDgKXsbnjYefbNadU6_5zC4iaWt_FDz51DWKThKHRRZXN7INANIe79NSeEmeGY7-OEgmdRifMUBkvmIFSTbxRoe9tNQLOXS9qKU4uj0",
    qi: "Bsogk7REk0ZlchYSmIVKow6kpO2fNPOOoS12mc9xtTjqxesxiiyDL9j79pN88XHoj6l9FIYR0DYzDY1VtkEfFkzIi5ERsJ2bfBX6Jfl8qrqypjhD0Q1sKopbnbm9awtaldvQGJHg5N39M2q47-oX8BFP-lqWxBuP2q7EvW4qN5s",
  },
  rsaPkcs8:
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC2UE2KK7i9Z0QsPdvwu4q7-R8GxflxgC6TKscGUYtuWqIELkZCWFyuhBhX5w43JfbC4yaAMfmt2L98PeK1N5hGLi_PxzJBdXXypKxxpC8ATApGSD-glOyA2NIc3u682QJVOcuneIFJSOZb9BGgiefL0NZ2_gqLNM3p5b0HDkbaZ8OcmHwr7XiKSqnc36yiSBi5-uJj3jrM1HWwUcwNmTArxPk4llGwWTD9cUqIO168uAaXd0fZ07YAwDxMaPBCyqRMLzxv3B_6tI_yvIxBANM-V-vhovmiheRO-HVRps7WZ0oRjJIiD_Ws_Umijk62JzqaguhESQN3QWay9DdBsTw7AgMBAAECggEACExZayuYSg60PKtIIon2w52QOvex5eemtw4gZvo5NXmsnDIbApQRC-R5Uy7yJ7Jzq-U48GbV7YLLHHWYpxTzumYJyRRRBke5aaTzMGz_sqzDXvWU59M_fJHh5myDQ1dBUu3Bhkrm35YQ3iia0MrWISHNUTc49aMeqEHLu9F7ih9RKBqXVlIpyvqhmJ6tXo_vbwBZBVM2IuuMxOpBTUZeCxL3cexD1BIsSkSmjeUpyIocRpC1QU0AenMH-9USCi7ncUsArOJaXCS8EA1Ef6v4R7a_6PoD-Pj1Xm9WS-Pn4VPegG81JAT59DuI3eotRbJ-UZr_dUGHPdx58RGzD5n7aQKBgQD0WUY-1C7KF7DS6F9GUUC6f6kNWJk9JXVwL63UYKN3f0Vof-NXCApgq4tgMr-iqPEyaQwK6Y7M3JagDYVaBtEaiIvfca6KYxS96A4p-mQU9gKwCdRkMFk_q8B2V8HcTaHhXqJICsJdN4ViK7K9x91_Fpaf-Jyq-QVeA47MzGAoLwKBgQC_AcbUpnv9Y7e9ydNjYMsff8Q6VttOp_-z2R5T4uIKl_yPW5wWLT4MRR22n6ffodE6l4yjJiRRdY_IzDq0a8f3bMAdlPXzx5bgpj5thf4nGHFqNYdFon8sHO-sT_Q-NQhc6mEvo5uxlgm0BQ6c3txPoazbMnGEOkogESzvc_CdtQKBgQCaSBQWb5rrd3HqeVZO69bW6uwuxRZciV5Ra4lyY2JTfUSx6q38sdL7ntTt9J0Tc2B31-QGr9m-eDmS7XaZlVxKSJUojHsMXesmzXLEBplSstKXnF1CtVRk42kuT9LT6yCfUEVe_4whl4Dcr4K4WY39RKHud-dT_M_qwIxVu2WreQKBgDMMG4J7mAmJW_LZ_KfDl6WsdNoOmn_0AC-lqChNK5IfOn1pw1Zd8wY-dol3M9tdmNhq5kg4Cl7G542Hn2zWnVOv-cwuImlrfxQ8-dQ1ik4Sh0UWVzeyDQDSHu_TUnhJnhmO_jhIJnUYnzFAZL5iBUk28UaHvbTUCzl0vailOLo9AoGABsogk7REk0ZlchYSmIVKow6kpO2fNPOOoS12mc9xtTjqxesxiiyDL9j79pN88XHoj6l9FIYR0DYzDY1VtkEfFkzIi5ERsJ2bfBX6Jfl8qrqypjhD0Q1sKopbnbm9awtaldvQGJHg5N39M2q47-oX8BFP-lqWxBuP2q7EvW4qN5s",
  rsaSpki:
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtlBNiiu4vWdELD3b8LuKu_kfBsX5cYAukyrHBlGLblqiBC5GQlhcroQYV-cONyX2wuMmgDH5rdi_fD3itTeYRi4vz8cyQXV18qSscaQvAEwKRkg_oJTsgNjSHN7uvNkCVTnLp3iBSUjmW_QRoInny9DWdv4KizTN6eW9Bw5G2mfDnJh8K-14ikqp3N-sokgYufriY946zNR1sFHMDZkwK8T5OJZRsFkw_XFKiDtevLgGl3dH2dO2AMA8TGjwQsqkTC88b9wf-rSP8ryMQQDTPlfr4aL5ooXkTvh1UabO1mdKEYySIg_1rP1Joo5Otic6moLoREkDd0FmsvQ3QbE8OwIDAQAB",
  p256: {
    kty: "EC",
    x: "n9HjwF6WHME3rmyDsjMPt-I6I2JNzGwCYkTm9j0sFmk",
    y: "o1Fnp9MAXxKCZOWaWypFXJz-bJ_64k6f_1dAK_2LDqU",
    crv: "P-256",
    d: "FJ25GSGByesV6nQ4CWrG8HusgzV9B2MhOg1lgywQo5I",
  },
  p256Peer: {
    kty: "EC",
    x: "2VdjhViVEUDm5gFwdIzeSMgoHQNGWSrVznsnNmV34U4",
    y: "j143aUhet_Y65TMKk-PEd7ysHUXdPFlWCfPsMUKUVoc",
    crv: "P-256",
    d: "E6GCXEX_-e6qNXngqTK5j5R48_xZ9-ptuUU-akdmNEA",
  },
  p256Pkcs8:
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFJ25GSGByesV6nQ4CWrG8HusgzV9B2MhOg1lgywQo5KhRANCAASf0ePAXpYcwTeubIOyMw-34jojYk3MbAJiROb2PSwWaaNRZ6fTAF8SgmTlmlsqRVyc_myf-uJOn_9XQCv9iw6l",
  p256Spki:
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEn9HjwF6WHME3rmyDsjMPt-I6I2JNzGwCYkTm9j0sFmmjUWen0wBfEoJk5ZpbKkVcnP5sn_riTp__V0Ar_YsOpQ",
  p384: {
    kty: "EC",
    x: "fM-EhJhXZOwXZtoOJh_tzAXTKkb97Q6MA9t_s-5wmJ0i-UmbhuiIwr8autPbvyoD",
    y: "rxEKG-twFJ3rwzykKatJInmlMeyW627s872snEC6ERypEOU2PMrn0eXWx_n7MKFJ",
    crv: "P-384",
    d: "952fgvrbYcrJV4oIf-anj7JuqpGO6PCPLwMSngnnwjF9OgqO0okF47lXWSueI907",
  },
  p384Peer: {
    kty: "EC",
    x: "CM5DIn1N67sUo6iVU-WJ-eL4wEj6s0A2eAO0YZb2IdJ8LwIsuV-bxbwcsCwdaVAJ",
    y: "b7kKqcOIjldV3ZZvyER4GDXcdmxMwO5yGzCesb5CwgcuJrA6bT4H7fr7dE1BV9LQ",
    crv: "P-384",
    d: "1jknDWa9ky9jNayom5whyCI_rSXwPK09yaCMeX5hZwvXphoQEtfbu-xZDLiRblE0",
  },
  p384Pkcs8:
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDD3nZ-C-tthyslXigh_5qePsm6qkY7o8I8vAxKeCefCMX06Co7SiQXjuVdZK54j3TuhZANiAAR8z4SEmFdk7Bdm2g4mH-3MBdMqRv3tDowD23-z7nCYnSL5SZuG6IjCvxq609u_KgOvEQob63AUnevDPKQpq0kieaUx7JbrbuzzvaycQLoRHKkQ5TY8yufR5dbH-fswoUk",
  p384Spki:
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEfM-EhJhXZOwXZtoOJh_tzAXTKkb97Q6MA9t_s-5wmJ0i-UmbhuiIwr8autPbvyoDrxEKG-twFJ3rwzykKatJInmlMeyW627s872snEC6ERypEOU2PMrn0eXWx_n7MKFJ",
  p521: {
    kty: "EC",
    x: "AcJ0zt_XJUN4X8IWWlrYzI5DQZOhwUUL_vYsNbocaPMmIqt5ReTxeT6vfZsiEr3Hr-TgNyqkmd3pAAod8ruhd7XI",
    y: "AbjTVW-Qlk3Cf1gzpr6N0W0xBvqo4bVDg9Mtw8B14QiqeTzXZfBVM2TlXHNYOAjT8hP6kbFkE7vUVytCUtzvrtaJ",
    crv: "P-521",
    d: "ANRB6HGRBXw65l0wuVULBBQdz1r0Ji18Fo7NKgtPntS8mk2f8-HjHVmZGLtt729FVNyLNurvwt1xOrrTeFGCnCdv",
  },
  p521Peer: {
    kty: "EC",
    x: "ACos_BgzBpO32nvEdlkMJr4WKqDiAl5lCIV1UyUovwHXvpXNnJFlr4P0P0GTTmK_Rh21fjbHfbHyGZL2OCqJttnM",
    y: "ARu-jwc4dh5uw-rP2O4LwqkwphFBZ0_MXvj7s9WjwXre2GaEFlykFCLg7NqmhEvi2IjHszQUV-USZDAuxySjIfrD",
    crv: "P-521",
    d: "ABlVCAvnlkjuvP_Yoyfx6IjXsRJ1sz0iH4R3kGgxTCEY-9XkEUxuXqt6i4wCVUerp-5GrcT0YcfE_R9p6oKydkxE",
  },
  p521Pkcs8:
    "MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIA1EHocZEFfDrmXTC5VQsEFB3PWvQmLXwWjs0qC0-e1LyaTZ_z4eMdWZkYu23vb0VU3Is26u_C3XE6utN4UYKcJ2-hgYkDgYYABAHCdM7f1yVDeF_CFlpa2MyOQ0GTocFFC_72LDW6HGjzJiKreUXk8Xk-r32bIhK9x6_k4DcqpJnd6QAKHfK7oXe1yAG401VvkJZNwn9YM6a-jdFtMQb6qOG1Q4PTLcPAdeEIqnk812XwVTNk5VxzWDgI0_IT-pGxZBO71FcrQlLc767WiQ",
  p521Spki:
    "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBwnTO39clQ3hfwhZaWtjMjkNBk6HBRQv-9iw1uhxo8yYiq3lF5PF5Pq99myISvcev5OA3KqSZ3ekACh3yu6F3tcgBuNNVb5CWTcJ_WDOmvo3RbTEG-qjhtUOD0y3DwHXhCKp5PNdl8FUzZOVcc1g4CNPyE_qRsWQTu9RXK0JS3O-u1ok",
  ed25519: {
    crv: "Ed25519",
    d: "PKduMTUBqFO2pxMYyodzQI1f9xbvz3eR28yxgnRJYcQ",
    x: "6IH1lrZOSrpsHZ-J__9B__FI2zJL-Vn3YoQUTImO_U0",
    kty: "OKP",
  },
  ed25519Peer: {
    crv: "Ed25519",
    d: "iDuSV7PvnLWuHVJrWF7WDOaA1N_s1gKFWYOx2B2S9sQ",
    x: "gJN1ZGEX_hxhmgS9AoEvxHzldUjQEo9GVkGvJZbaxKs",
    kty: "OKP",
  },
  ed25519Pkcs8: "MC4CAQAwBQYDK2VwBCIEIDynbjE1AahTtqcTGMqHc0CNX_cW7893kdvMsYJ0SWHE",
  ed25519Spki: "MCowBQYDK2VwAyEA6IH1lrZOSrpsHZ-J__9B__FI2zJL-Vn3YoQUTImO_U0",
  x25519: {
    crv: "X25519",
    d: "gHmF7HIoQvbM4R_yzli6ukau8MJsuRBo97siJmyyNEc",
    x: "Qfy5HGwXCWY2dmTZFBX7b2-BO2KnftPh_tCk8Zq5ODo",
    kty: "OKP",
  },
  x25519Peer: {
    crv: "X25519",
    d: "8ES9Q4akYpO_grm0zqMU9EHTRCckaJ6EJaZmtX_H8Hs",
    x: "Lq7ueQe_bEzNljiKzXv-Z88dnuM4GP-hEJMrnOFnyDI",
    kty: "OKP",
  },
  x25519Pkcs8: "MC4CAQAwBQYDK2VuBCIEIIB5hexyKEL2zOEf8s5YurpGrvDCbLkQaPe7IiZssjRH",
  x25519Spki: "MCowBQYDK2VuAyEAQfy5HGwXCWY2dmTZFBX7b2-BO2KnftPh_tCk8Zq5ODo",
};

const { subtle } = crypto;
const encoder = new TextEncoder();
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const base64 = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const unbase64 = (value) =>
  Uint8Array.from(atob(value.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
const bytes = (length, start = 0) => Uint8Array.from({ length }, (_, index) => (start + index * 7) & 255);
const publicOf = ({ kty, n, e, crv, x, y }) =>
  Object.fromEntries(Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => value !== undefined));
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
