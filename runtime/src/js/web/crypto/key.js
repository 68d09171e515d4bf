// `CryptoKey`: a number for key material that stays in Rust, and which usages keys may have.
'use strict';

const DOMException = internals.DOMException ?? globalThis.DOMException;

const USAGES = ['encrypt', 'decrypt', 'sign', 'verify', 'deriveKey', 'deriveBits', 'wrapKey', 'unwrapKey'];
const FORMATS = ['raw', 'pkcs8', 'spki', 'jwk'];
const HASH_BYTES = { 'SHA-1': 20, 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64 };
const HASH_BLOCK_BITS = { 'SHA-1': 512, 'SHA-256': 512, 'SHA-384': 1024, 'SHA-512': 1024 };
const CURVE_BYTES = { 'P-256': 32, 'P-384': 48, 'P-521': 66 };
/** Digests of more than this are computed beside the script where it may wait. */
const LARGE = 1 << 20;

// --- errors ---

const failure = (name, message) => new DOMException(message, name);
const operationFailed = () => failure('OperationError', 'The operation failed for an operation-specific reason');
const invalidKeyData = () => failure('DataError', 'Invalid keyData');
const typeError = (code, message) => Object.assign(new TypeError(message), { code });
const AES = ['AES-GCM', 'AES-CBC', 'AES-CTR', 'AES-KW'];
const RSA = ['RSASSA-PKCS1-v1_5', 'RSA-PSS', 'RSA-OAEP'];
const EC = ['ECDSA', 'ECDH'];
const OKP = ['Ed25519', 'X25519'];
const all = (names, dictionary) => Object.fromEntries(names.map((name) => [name, dictionary]));

// --- keys ---

const MAKE = Symbol('make');
let isKey;
let numberOf;

class CryptoKey {
  #number;
  #type;
  #extractable;
  #algorithm;
  #usages;

  constructor(secret, number, type, extractable, algorithm, usages) {
    if (secret !== MAKE) throw typeError('ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');
    this.#number = number;
    this.#type = type;
    this.#extractable = extractable;
    this.#algorithm = algorithm;
    this.#usages = usages;
  }

  static {
    isKey = (value) => typeof value === 'object' && value !== null && #number in value;
    numberOf = (key) => key.#number;
  }

  get type() {
    return this.#type;
  }

  get extractable() {
    return this.#extractable;
  }

  get algorithm() {
    return this.#algorithm;
  }

  get usages() {
    return this.#usages;
  }

  [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
    const { type, extractable, algorithm, usages } = this;
    const shown = { type, extractable, algorithm, usages };
    return typeof inspect === 'function' ? `CryptoKey ${inspect(shown, options)}` : shown;
  }
}

const makeKey = (number, type, extractable, algorithm, usages) =>
  new CryptoKey(MAKE, number, type, extractable, algorithm, usages);

/** Usages that the public and the private half of a key may have; a secret key has them all in one. */
const USAGES_OF = {
  ...all(['AES-GCM', 'AES-CBC', 'AES-CTR'], { secret: ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'] }),
  'AES-KW': { secret: ['wrapKey', 'unwrapKey'] },
  HMAC: { secret: ['sign', 'verify'] },
  HKDF: { secret: ['deriveKey', 'deriveBits'] },
  PBKDF2: { secret: ['deriveKey', 'deriveBits'] },
  ...all(['RSASSA-PKCS1-v1_5', 'RSA-PSS', 'ECDSA', 'Ed25519'], { public: ['verify'], private: ['sign'] }),
  'RSA-OAEP': { public: ['encrypt', 'wrapKey'], private: ['decrypt', 'unwrapKey'] },
  ECDH: { public: [], private: ['deriveKey', 'deriveBits'] },
  X25519: { public: [], private: ['deriveKey', 'deriveBits'] },
};

/** How the texts of errors call the keys of an algorithm, when making and when importing one. */
function kindOf(name, making) {
  if (AES.includes(name)) return 'an AES';
  if (name === 'HMAC') return 'an HMAC';
  if (RSA.includes(name)) return making ? 'a RSA' : `an ${name}`;
  return making ? `an ${name}` : `a ${name}`;
}

function checkUsages(usages, allowed, name, making = false) {
  if (usages.some((usage) => !allowed.includes(usage))) {
    throw failure('SyntaxError', `Unsupported key usage for ${kindOf(name, making)} key`);
  }
}

const unique = (usages) => [...new Set(usages)];
const only = (allowed, usages) => allowed.filter((usage) => usages.includes(usage));
const aesLength = (length) => length === 128 || length === 192 || length === 256;

internals.crypto_key = {
  AES, aesLength, all, checkUsages, CryptoKey, CURVE_BYTES, EC, failure, FORMATS, HASH_BLOCK_BITS, HASH_BYTES,
  invalidKeyData, isKey, LARGE, MAKE, makeKey, numberOf, OKP, only, operationFailed, RSA, typeError, unique, USAGES,
  USAGES_OF,
};
