// Keys and helpers for the checks of WebCrypto. The keys were made for these checks.

export const KEYS = {
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

export const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
export const unbase64 = (value) =>
  Uint8Array.from(atob(value.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
export const bytes = (length, start = 0) => Uint8Array.from({ length }, (_, index) => (start + index * 7) & 255);
export const publicOf = ({ kty, n, e, crv, x, y }) =>
  Object.fromEntries(Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => value !== undefined));
