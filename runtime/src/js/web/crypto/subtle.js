// WebCrypto: `crypto.subtle`, `SubtleCrypto` and `CryptoKey` over the ops of crypto/mod.rs.
//
// What is here: the conversion of arguments as WebIDL asks, the checks of usages, algorithms and formats with the errors
// that Node gives, and the objects. Key material stays in Rust: a CryptoKey holds a number.
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

// --- conversions ---

/** What a method was called with, for the texts of errors. */
class Call {
  constructor(method) {
    this.prefix = `Failed to execute '${method}' on 'SubtleCrypto'`;
  }

  arity(args, required) {
    if (args.length < required) {
      const plural = required === 1 ? 'argument' : 'arguments';
      throw typeError(
        'ERR_MISSING_ARGS',
        `${this.prefix}: ${required} ${plural} required, but only ${args.length} present.`,
      );
    }
  }

  bytes(value, position) {
    const bytes = bytesOf(value);
    if (bytes === undefined) {
      throw typeError(
        'ERR_INVALID_ARG_TYPE',
        `${this.prefix}: ${position} argument is not instance of ArrayBuffer, Buffer, TypedArray, or DataView.`,
      );
    }
    return bytes;
  }

  key(value, position) {
    if (!isKey(value)) {
      throw typeError('ERR_INVALID_ARG_TYPE', `${this.prefix}: ${position} argument is not of type CryptoKey.`);
    }
    return value;
  }

  format(value, position) {
    const format = `${value}`;
    if (!FORMATS.includes(format)) {
      throw typeError(
        'ERR_INVALID_ARG_VALUE',
        `${this.prefix}: ${position} argument value '${format}' is not a valid enum value of type KeyFormat.`,
      );
    }
    return format;
  }

  usages(value, position) {
    if (typeof value !== 'object' || value === null || typeof value[Symbol.iterator] !== 'function') {
      throw typeError('ERR_INVALID_ARG_TYPE', `${this.prefix}: ${position} argument can not be converted to sequence.`);
    }
    const usages = [];
    for (const entry of value) {
      const usage = `${entry}`;
      if (!USAGES.includes(usage)) {
        throw typeError(
          'ERR_INVALID_ARG_VALUE',
          `${this.prefix}: ${position} argument, index ${usages.length} value '${usage}' is not a valid enum value of type KeyUsage.`,
        );
      }
      usages.push(usage);
    }
    return usages;
  }

  algorithm(value, position) {
    if (typeof value === 'object' && value !== null) return value;
    if (typeof value === 'symbol') {
      throw typeError('ERR_INVALID_ARG_TYPE', `${this.prefix}: ${position} argument can not be converted to a string.`);
    }
    return { name: `${value}` };
  }
}

/** A copy of what a buffer or view shows now; undefined for anything else. */
function bytesOf(value) {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength));
  }
  if (value instanceof ArrayBuffer || Object.prototype.toString.call(value) === '[object ArrayBuffer]') {
    return new Uint8Array(value.slice(0));
  }
  return undefined;
}

/** The bytes that an op gave, as the ArrayBuffer that callers get. */
const bufferOf = (bytes) =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);

const MEMBERS = {
  hash: (value, dictionary) => normalizeHash(value, dictionary),
  octet: whole(0xff),
  short: whole(0xffff),
  long: whole(0xffffffff),
  text: (value) => `${value}`,
  source: (value, dictionary, member) => {
    const bytes = bytesOf(value);
    if (bytes === undefined) {
      throw typeError(
        'ERR_INVALID_ARG_TYPE',
        `Failed to normalize algorithm: '${member}' of '${dictionary}' (passed algorithm) is not instance of ArrayBuffer, Buffer, TypedArray, or DataView.`,
      );
    }
    return bytes;
  },
  exponent: (value, dictionary, member) => {
    if (!(value instanceof Uint8Array)) {
      throw typeError(
        'ERR_INVALID_ARG_TYPE',
        `Failed to normalize algorithm: '${member}' of '${dictionary}' (passed algorithm) is not an Uint8Array object.`,
      );
    }
    return new Uint8Array(value);
  },
  key: (value, dictionary, member) => {
    if (!isKey(value)) {
      throw typeError(
        'ERR_INVALID_ARG_TYPE',
        `Failed to normalize algorithm: '${member}' of '${dictionary}' (passed algorithm) is not of type CryptoKey.`,
      );
    }
    return value;
  },
};

function whole(max) {
  return (value, dictionary, member) => {
    const subject = `Failed to normalize algorithm: '${member}' of '${dictionary}' (passed algorithm)`;
    const number = Math.trunc(Number(value)) + 0;
    if (!Number.isFinite(number)) throw typeError('ERR_INVALID_ARG_TYPE', `${subject} is not a finite number.`);
    if (number < 0 || number > max) {
      throw typeError('ERR_OUT_OF_RANGE', `${subject} is outside the expected range of 0 to ${max}.`);
    }
    return number;
  };
}

/** Members of each dictionary in the order in which they are read; `!` marks the required ones. */
const DICTIONARIES = {
  Algorithm: {},
  HmacImportParams: { hash: 'hash!', length: 'long' },
  HmacKeyGenParams: { hash: 'hash!', length: 'long' },
  RsaHashedImportParams: { hash: 'hash!' },
  RsaHashedKeyGenParams: { modulusLength: 'long!', publicExponent: 'exponent!', hash: 'hash!' },
  RsaPssParams: { saltLength: 'long!' },
  RsaOaepParams: { label: 'source' },
  EcKeyImportParams: { namedCurve: 'text!' },
  EcKeyGenParams: { namedCurve: 'text!' },
  EcdsaParams: { hash: 'hash!' },
  EcdhKeyDeriveParams: { public: 'key!' },
  AesKeyGenParams: { length: 'short!' },
  AesDerivedKeyParams: { length: 'short!' },
  AesGcmParams: { iv: 'source!', tagLength: 'octet', additionalData: 'source' },
  AesCbcParams: { iv: 'source!' },
  AesCtrParams: { counter: 'source!', length: 'octet!' },
  HkdfParams: { hash: 'hash!', salt: 'source!', info: 'source!' },
  Pbkdf2Params: { hash: 'hash!', iterations: 'long!', salt: 'source!' },
};

const AES = ['AES-GCM', 'AES-CBC', 'AES-CTR', 'AES-KW'];
const RSA = ['RSASSA-PKCS1-v1_5', 'RSA-PSS', 'RSA-OAEP'];
const EC = ['ECDSA', 'ECDH'];
const OKP = ['Ed25519', 'X25519'];
const all = (names, dictionary) => Object.fromEntries(names.map((name) => [name, dictionary]));

/** Which algorithms an operation knows, and the dictionary that each takes. */
const OPERATIONS = {
  digest: all(Object.keys(HASH_BYTES), 'Algorithm'),
  generateKey: {
    ...all(RSA, 'RsaHashedKeyGenParams'),
    ...all(EC, 'EcKeyGenParams'),
    ...all(OKP, 'Algorithm'),
    ...all(AES, 'AesKeyGenParams'),
    HMAC: 'HmacKeyGenParams',
  },
  importKey: {
    ...all(RSA, 'RsaHashedImportParams'),
    ...all(EC, 'EcKeyImportParams'),
    ...all([...OKP, ...AES, 'HKDF', 'PBKDF2'], 'Algorithm'),
    HMAC: 'HmacImportParams',
  },
  sign: {
    'RSASSA-PKCS1-v1_5': 'Algorithm',
    'RSA-PSS': 'RsaPssParams',
    ECDSA: 'EcdsaParams',
    Ed25519: 'Algorithm',
    HMAC: 'Algorithm',
  },
  encrypt: {
    'RSA-OAEP': 'RsaOaepParams',
    'AES-GCM': 'AesGcmParams',
    'AES-CBC': 'AesCbcParams',
    'AES-CTR': 'AesCtrParams',
  },
  deriveBits: {
    HKDF: 'HkdfParams',
    PBKDF2: 'Pbkdf2Params',
    ECDH: 'EcdhKeyDeriveParams',
    X25519: 'EcdhKeyDeriveParams',
  },
  wrapKey: { 'AES-KW': 'Algorithm' },
  'get key length': {
    ...all(AES, 'AesDerivedKeyParams'),
    HMAC: 'HmacImportParams',
    HKDF: 'Algorithm',
    PBKDF2: 'Algorithm',
  },
};
OPERATIONS.verify = OPERATIONS.sign;
OPERATIONS.decrypt = OPERATIONS.encrypt;
OPERATIONS.unwrapKey = OPERATIONS.wrapKey;

/** An algorithm as an operation wants it, with the name as it is spelled in the standard. */
function normalize(value, operation) {
  if (value.name === undefined) {
    throw missing('Algorithm', 'name');
  }
  const known = OPERATIONS[operation];
  const wanted = `${value.name}`.toUpperCase();
  const name = Object.keys(known).find((candidate) => candidate.toUpperCase() === wanted);
  if (name === undefined) throw failure('NotSupportedError', 'Unrecognized algorithm name');
  const dictionary = known[name];
  const result = { name };
  for (const [member, kind] of Object.entries(DICTIONARIES[dictionary])) {
    const required = kind.endsWith('!');
    const given = value[member];
    if (given !== undefined) {
      result[member] = MEMBERS[required ? kind.slice(0, -1) : kind](given, dictionary, member);
    } else if (required) {
      throw missing(dictionary, member);
    }
  }
  return result;
}

function missing(dictionary, member) {
  return typeError(
    'ERR_MISSING_OPTION',
    `Failed to normalize algorithm: passed algorithm can not be converted to '${dictionary}' because '${member}' is required in '${dictionary}'.`,
  );
}

function normalizeHash(value, dictionary) {
  const algorithm = typeof value === 'object' && value !== null ? value : { name: `${value}` };
  return { name: normalize(algorithm, 'digest').name };
}

function checkCurve(curve) {
  if (!Object.hasOwn(CURVE_BYTES, curve)) throw failure('NotSupportedError', 'Unrecognized namedCurve');
}

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

// --- making keys ---

async function generate(algorithm, extractable, usages) {
  const { name } = algorithm;
  const allowed = USAGES_OF[name];
  checkUsages(usages, allowed.secret ?? [...allowed.public, ...allowed.private], name, true);
  if (allowed.secret) {
    let { length } = algorithm;
    if (name === 'HMAC') {
      length ??= HASH_BLOCK_BITS[algorithm.hash.name];
      if (length === 0) throw operationFailed();
    } else if (!aesLength(length)) {
      throw failure('OperationError', 'AES key length must be 128, 192, or 256 bits');
    }
    if (usages.length === 0) throw failure('SyntaxError', 'Usages cannot be empty when creating a key.');
    const number = ops.crypto_secret_generate(Math.floor(length / 8));
    const shown = name === 'HMAC' ? { name, length, hash: algorithm.hash } : { name, length };
    return makeKey(number, 'secret', extractable, shown, unique(usages));
  }
  if (EC.includes(name)) checkCurve(algorithm.namedCurve);
  const privateUsages = only(allowed.private, usages);
  if (privateUsages.length === 0) throw failure('SyntaxError', 'Usages cannot be empty when creating a key.');
  const numbers = RSA.includes(name)
    ? await ops.crypto_rsa_generate_later(algorithm.modulusLength, algorithm.publicExponent)
    : EC.includes(name)
      ? ops.crypto_ec_generate(algorithm.namedCurve)
      : ops.crypto_okp_generate(name);
  return {
    publicKey: makeKey(numbers[0], 'public', true, { ...algorithm }, only(allowed.public, usages)),
    privateKey: makeKey(numbers[1], 'private', extractable, { ...algorithm }, privateUsages),
  };
}

// --- importing keys ---

/** Members of a JWK that are text; the rest of an object is not looked at. */
const JWK_TEXTS = ['kty', 'use', 'alg', 'crv', 'x', 'y', 'd', 'n', 'e', 'p', 'q', 'dp', 'dq', 'qi', 'k'];
const JWK_MATERIAL = ['x', 'y', 'd', 'n', 'e', 'p', 'q', 'dp', 'dq', 'qi', 'k'];

function jwkOf(value, call) {
  const jwk = {};
  for (const member of JWK_TEXTS) {
    if (value[member] !== undefined) jwk[member] = `${value[member]}`.toWellFormed();
  }
  if (value.ext !== undefined) jwk.ext = Boolean(value.ext);
  const operations = value.key_ops;
  if (operations !== undefined) {
    if (typeof operations !== 'object' || operations === null || typeof operations[Symbol.iterator] !== 'function') {
      throw typeError(
        'ERR_INVALID_ARG_TYPE',
        `${call.prefix}: 'key_ops' of 'JsonWebKey' (2nd argument) can not be converted to sequence.`,
      );
    }
    jwk.key_ops = Array.from(operations, String);
  }
  return jwk;
}

/** The `alg` that a JWK of a key may have; undefined where any will do. */
function jwkAlgorithms(algorithm, jwk) {
  const { name } = algorithm;
  const bits = algorithm.hash?.name.slice(4);
  if (name === 'HMAC') return [`HS${bits}`];
  if (name === 'RSASSA-PKCS1-v1_5') return [`RS${bits}`];
  if (name === 'RSA-PSS') return [`PS${bits}`];
  if (name === 'RSA-OAEP') return [bits === '1' ? 'RSA-OAEP' : `RSA-OAEP-${bits}`];
  if (name === 'ECDSA') return [{ 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }[algorithm.namedCurve]];
  if (name === 'Ed25519') return ['Ed25519', 'EdDSA'];
  if (AES.includes(name)) return [`A${jwk.length}${name.slice(4)}`];
  return undefined;
}

function checkJwk(jwk, algorithm, extractable, usages) {
  const { name } = algorithm;
  if (jwk.kty === undefined) throw invalidKeyData();
  const kty = RSA.includes(name) ? 'RSA' : EC.includes(name) ? 'EC' : OKP.includes(name) ? 'OKP' : 'oct';
  if (jwk.kty !== kty) throw failure('DataError', 'Invalid JWK "kty" Parameter');
  if (kty === 'EC' && jwk.crv !== algorithm.namedCurve) {
    throw failure('DataError', 'JWK "crv" does not match the requested algorithm');
  }
  if (kty === 'OKP' && jwk.crv !== name) {
    throw failure('DataError', 'JWK "crv" Parameter and algorithm name mismatch');
  }
  const signs = ['HMAC', 'RSASSA-PKCS1-v1_5', 'RSA-PSS', 'ECDSA', 'Ed25519'].includes(name);
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== (signs ? 'sig' : 'enc')) {
    throw failure('DataError', 'Invalid JWK "use" Parameter');
  }
  if (jwk.key_ops !== undefined) {
    if (new Set(jwk.key_ops).size !== jwk.key_ops.length) throw failure('DataError', 'Duplicate key operation');
    if (usages.some((usage) => !jwk.key_ops.includes(usage))) {
      throw failure('DataError', 'Key operations and usage mismatch');
    }
  }
  if (jwk.ext === false && extractable) {
    throw failure('DataError', 'JWK "ext" Parameter and extractable mismatch');
  }
}

function checkJwkAlgorithm(jwk, algorithm, length) {
  const accepted = jwkAlgorithms(algorithm, { length });
  if (jwk.alg !== undefined && accepted && !accepted.includes(jwk.alg)) {
    throw failure('DataError', 'JWK "alg" does not match the requested algorithm');
  }
}

/** Imports a key from bytes or, for `jwk`, from its checked members. */
function importKey(format, data, algorithm, extractable, usages) {
  const { name } = algorithm;
  const allowed = USAGES_OF[name];
  if (allowed.secret) return importSecret(format, data, algorithm, extractable, usages);

  const family = RSA.includes(name) ? 'RSA' : EC.includes(name) ? 'EC' : name;
  if (family === 'EC') checkCurve(algorithm.namedCurve);
  if (format === 'raw' && family === 'RSA') {
    throw failure('NotSupportedError', 'Unable to import RSA key with format raw');
  }
  if (format === 'jwk') {
    checkJwk(data, algorithm, extractable, usages);
    checkJwkAlgorithm(data, algorithm);
  }
  const isPrivate = format === 'pkcs8' || (format === 'jwk' && data.d !== undefined);
  checkUsages(usages, isPrivate ? allowed.private : allowed.public, name);
  if (format === 'raw' && OKP.includes(name) && data.byteLength !== 32) {
    throw failure('DataError', `${name} raw keys must be exactly 32-bytes`);
  }
  const imported = ops.crypto_import(format, family, algorithm.namedCurve ?? '', material(format, data));
  if (isPrivate && usages.length === 0) {
    throw failure('SyntaxError', 'Usages cannot be empty when importing a private key.');
  }
  const shown =
    family === 'RSA'
      ? { name, modulusLength: imported.length, publicExponent: imported.publicExponent, hash: algorithm.hash }
      : family === 'EC'
        ? { name, namedCurve: algorithm.namedCurve }
        : { name };
  return makeKey(imported.key, imported.type, extractable, shown, unique(usages));
}

const material = (format, data) =>
  format === 'jwk'
    ? Object.fromEntries(JWK_MATERIAL.filter((member) => data[member] !== undefined).map((member) => [member, data[member]]))
    : data;

function importSecret(format, data, algorithm, extractable, usages) {
  const { name } = algorithm;
  const derives = name === 'HKDF' || name === 'PBKDF2';
  if (derives) {
    if (format !== 'raw') throw failure('NotSupportedError', `Unable to import ${name} key with format ${format}`);
    if (extractable) throw failure('SyntaxError', `${name} keys are not extractable`);
  }
  checkUsages(usages, USAGES_OF[name].secret, name);
  if (format !== 'raw' && format !== 'jwk') {
    throw failure('NotSupportedError', `Unable to import ${name === 'HMAC' ? name : 'AES'} key with format ${format}`);
  }
  if (format === 'jwk') checkJwk(data, algorithm, extractable, usages);
  const imported = ops.crypto_import(format, 'secret', '', material(format, data));
  const length = imported.length;
  let shown = { name };
  if (name === 'HMAC') {
    if (length === 0 || algorithm.length === 0) throw failure('DataError', 'Zero-length key is not supported');
    if (format === 'jwk') checkJwkAlgorithm(data, algorithm);
    if (algorithm.length !== undefined && algorithm.length !== length) {
      throw failure('DataError', 'Invalid key length');
    }
    shown = { name, hash: algorithm.hash, length };
  } else if (!derives) {
    if (!aesLength(length)) throw failure('DataError', 'Invalid key length');
    if (format === 'jwk') checkJwkAlgorithm(data, algorithm, length);
    shown = { name, length };
  }
  if (usages.length === 0) throw failure('SyntaxError', 'Usages cannot be empty when importing a secret key.');
  return makeKey(imported.key, 'secret', extractable, shown, unique(usages));
}

// --- exporting keys ---

const FORMAT_TYPES = { spki: ['public'], pkcs8: ['private'], raw: ['public', 'secret'], jwk: ['public', 'private', 'secret'] };

/** The bytes of a key, or the members of its JWK. */
function exportKey(format, key) {
  const { name } = key.algorithm;
  const fits = FORMAT_TYPES[format].includes(key.type) && !(format === 'raw' && RSA.includes(name));
  if (!key.extractable) throw failure('InvalidAccessError', 'key is not extractable');
  if (!fits) {
    const shown = format === 'spki' ? 'raw' : format;
    throw failure('InvalidAccessError', `Unable to export a ${shown} ${name} ${key.type} key`);
  }
  const exported = ops.crypto_export(numberOf(key), format);
  if (format !== 'jwk') return exported;
  const algorithm = key.algorithm;
  const jwk = { key_ops: [...key.usages], ext: true };
  if (key.type === 'secret') {
    Object.assign(jwk, { kty: 'oct', k: exported.k });
  } else if (RSA.includes(name)) {
    Object.assign(jwk, { kty: 'RSA' }, exported);
  } else if (EC.includes(name)) {
    const { x, y, d } = exported;
    Object.assign(jwk, { kty: 'EC', x, y, crv: algorithm.namedCurve }, d === undefined ? {} : { d });
  } else {
    Object.assign(jwk, { crv: name }, exported, { kty: 'OKP' });
  }
  const alg = name === 'ECDSA' ? undefined : jwkAlgorithms(algorithm, algorithm)?.[0];
  if (alg !== undefined) jwk.alg = alg;
  return jwk;
}

// --- operations ---

function checkUse(key, algorithm, usage) {
  if (!key.usages.includes(usage) || key.algorithm.name !== algorithm.name) {
    const text =
      usage === 'sign' || usage === 'verify'
        ? `Unable to use this key to ${usage}`
        : 'The requested operation is not valid for the provided key';
    throw failure('InvalidAccessError', text);
  }
}

/** Runs an op that may be slow beside the script where that can wait, else at once. */
const slowly = (name, ...args) => (ops.crypto_may_wait() ? ops[`${name}_later`](...args) : ops[name](...args));

function sign(algorithm, key, data) {
  const number = numberOf(key);
  switch (algorithm.name) {
    case 'HMAC':
      return ops.crypto_hmac_sign(number, key.algorithm.hash.name, data);
    case 'ECDSA':
      return ops.crypto_ecdsa_sign(number, algorithm.hash.name, data);
    case 'Ed25519':
      return ops.crypto_ed25519_sign(number, data);
    default:
      return ops.crypto_rsa_sign(number, algorithm.name, key.algorithm.hash.name, algorithm.saltLength ?? 0, data);
  }
}

function verify(algorithm, key, signature, data) {
  const number = numberOf(key);
  switch (algorithm.name) {
    case 'HMAC':
      return ops.crypto_hmac_verify(number, key.algorithm.hash.name, signature, data);
    case 'ECDSA':
      return ops.crypto_ecdsa_verify(number, algorithm.hash.name, signature, data);
    case 'Ed25519':
      return ops.crypto_ed25519_verify(number, signature, data);
    default:
      return ops.crypto_rsa_verify(
        number, algorithm.name, key.algorithm.hash.name, algorithm.saltLength ?? 0, signature, data,
      );
  }
}

function cipher(algorithm, key, encrypt, data) {
  const { name, ...parameters } = algorithm;
  const number = numberOf(key);
  if (name === 'RSA-OAEP') {
    const op = encrypt ? ops.crypto_rsa_encrypt : ops.crypto_rsa_decrypt;
    return op(number, key.algorithm.hash.name, algorithm.label ?? new Uint8Array(0), data);
  }
  if (name === 'AES-GCM') {
    const tagLength = algorithm.tagLength ?? 128;
    if (![32, 64, 96, 104, 112, 120, 128].includes(tagLength)) {
      throw failure('OperationError', `${tagLength} is not a valid AES-GCM tag length`);
    }
    if (!encrypt && data.byteLength < tagLength / 8) throw failure('OperationError', 'The provided data is too small.');
  } else if (name === 'AES-CBC' && algorithm.iv.byteLength !== 16) {
    throw failure('OperationError', 'algorithm.iv must contain exactly 16 bytes');
  } else if (name === 'AES-CTR') {
    if (algorithm.counter.byteLength !== 16) {
      throw failure('OperationError', 'algorithm.counter must contain exactly 16 bytes');
    }
    if (algorithm.length === 0 || algorithm.length > 128) {
      throw failure('OperationError', 'AES-CTR algorithm.length must be between 1 and 128');
    }
  }
  return ops.crypto_aes(number, name, encrypt, parameters, data);
}

/** Derives bits; the length is null where all that there is will do. */
async function derive(algorithm, key, length) {
  const { name } = algorithm;
  if (name === 'ECDH' || name === 'X25519') return agree(algorithm, key, length);
  if (length === null) throw failure('OperationError', 'length cannot be null');
  if (length % 8 !== 0) throw failure('OperationError', 'length must be a multiple of 8');
  if (length < 0) throw operationFailed();
  const { hash, salt } = algorithm;
  if (name === 'HKDF') return ops.crypto_hkdf(numberOf(key), hash.name, salt, algorithm.info, length / 8);
  if (algorithm.iterations === 0) throw failure('OperationError', 'iterations cannot be zero');
  if (length === 0) return new Uint8Array(0);
  return slowly('crypto_pbkdf2', numberOf(key), hash.name, salt, algorithm.iterations, length / 8);
}

function agree(algorithm, key, length) {
  const other = algorithm.public;
  if (other.type !== 'public') throw failure('InvalidAccessError', 'algorithm.public must be a public key');
  if (other.algorithm.name !== 'ECDH' && other.algorithm.name !== 'X25519') {
    throw failure('InvalidAccessError', 'Keys must be ECDH, X25519, or X448 keys');
  }
  if (key.type !== 'private') throw failure('InvalidAccessError', 'baseKey must be a private key');
  if (other.algorithm.name !== key.algorithm.name) {
    throw failure('InvalidAccessError', 'The public and private keys must be of the same type');
  }
  if (other.algorithm.namedCurve !== key.algorithm.namedCurve) {
    throw failure('InvalidAccessError', 'Named curve mismatch');
  }
  const bits = ops.crypto_agree(numberOf(key), numberOf(other));
  if (length === null) return bits;
  if (bits.byteLength * 8 < length) throw failure('OperationError', 'derived bit length is too small');
  const derived = bits.slice(0, Math.ceil(length / 8));
  if (length % 8 !== 0) derived[derived.length - 1] &= 0xff << (8 - (length % 8));
  return derived;
}

function checkDerive(key, algorithm, usage) {
  if (!key.usages.includes(usage)) {
    throw failure('InvalidAccessError', `baseKey does not have ${usage} usage`);
  }
  if (key.algorithm.name !== algorithm.name) throw failure('InvalidAccessError', 'Key algorithm mismatch');
}

/** How many bits a derived key needs; null for a key that takes whatever there is. */
function derivedLength(algorithm) {
  if (AES.includes(algorithm.name)) {
    if (!aesLength(algorithm.length)) throw failure('OperationError', 'Invalid key length');
    return algorithm.length;
  }
  if (algorithm.name !== 'HMAC') return null;
  const length = algorithm.length ?? HASH_BLOCK_BITS[algorithm.hash.name];
  if (length === 0) throw failure('OperationError', 'Invalid key length');
  return length;
}

/** The algorithm of a (un)wrapping: as such where there is one, else as (de|en)cryption. */
function wrapAlgorithm(value, wrapping, fallback) {
  try {
    return normalize(value, wrapping);
  } catch (error) {
    if (error?.name !== 'NotSupportedError') throw error;
    return normalize(value, fallback);
  }
}

const checkThis = (value) => {
  if (!(typeof value === 'object' && value !== null && SubtleCrypto.prototype.isPrototypeOf(value))) {
    throw typeError('ERR_INVALID_THIS', 'Value of "this" must be of type SubtleCrypto');
  }
};

class SubtleCrypto {
  constructor(secret) {
    if (secret !== MAKE) throw typeError('ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');
  }

  async encrypt(algorithm, key, data) {
    checkThis(this);
    const call = new Call('encrypt');
    call.arity(arguments, 3);
    const named = call.algorithm(algorithm, '1st');
    call.key(key, '2nd');
    const bytes = call.bytes(data, '3rd');
    const normalized = normalize(named, 'encrypt');
    checkUse(key, normalized, 'encrypt');
    return bufferOf(cipher(normalized, key, true, bytes));
  }

  async decrypt(algorithm, key, data) {
    checkThis(this);
    const call = new Call('decrypt');
    call.arity(arguments, 3);
    const named = call.algorithm(algorithm, '1st');
    call.key(key, '2nd');
    const bytes = call.bytes(data, '3rd');
    const normalized = normalize(named, 'decrypt');
    checkUse(key, normalized, 'decrypt');
    return bufferOf(cipher(normalized, key, false, bytes));
  }

  async sign(algorithm, key, data) {
    checkThis(this);
    const call = new Call('sign');
    call.arity(arguments, 3);
    const named = call.algorithm(algorithm, '1st');
    call.key(key, '2nd');
    const bytes = call.bytes(data, '3rd');
    const normalized = normalize(named, 'sign');
    checkUse(key, normalized, 'sign');
    return bufferOf(sign(normalized, key, bytes));
  }

  async verify(algorithm, key, signature, data) {
    checkThis(this);
    const call = new Call('verify');
    call.arity(arguments, 4);
    const named = call.algorithm(algorithm, '1st');
    call.key(key, '2nd');
    const given = call.bytes(signature, '3rd');
    const bytes = call.bytes(data, '4th');
    const normalized = normalize(named, 'verify');
    checkUse(key, normalized, 'verify');
    return verify(normalized, key, given, bytes);
  }

  async digest(algorithm, data) {
    checkThis(this);
    const call = new Call('digest');
    call.arity(arguments, 2);
    const named = call.algorithm(algorithm, '1st');
    const bytes = call.bytes(data, '2nd');
    const { name } = normalize(named, 'digest');
    const run = bytes.byteLength > LARGE ? slowly : (op, ...args) => ops[op](...args);
    return bufferOf(await run('crypto_digest', name, bytes));
  }

  async generateKey(algorithm, extractable, keyUsages) {
    checkThis(this);
    const call = new Call('generateKey');
    call.arity(arguments, 3);
    const named = call.algorithm(algorithm, '1st');
    const usages = call.usages(keyUsages, '3rd');
    return generate(normalize(named, 'generateKey'), Boolean(extractable), usages);
  }

  async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
    checkThis(this);
    const call = new Call('deriveKey');
    call.arity(arguments, 5);
    const named = call.algorithm(algorithm, '1st');
    call.key(baseKey, '2nd');
    const target = call.algorithm(derivedKeyType, '3rd');
    const usages = call.usages(keyUsages, '5th');
    const normalized = normalize(named, 'deriveBits');
    const imported = normalize(target, 'importKey');
    const length = derivedLength(normalize(target, 'get key length'));
    checkDerive(baseKey, normalized, 'deriveKey');
    const bits = await derive(normalized, baseKey, length);
    return importKey('raw', bits, imported, Boolean(extractable), usages);
  }

  async deriveBits(algorithm, baseKey, length = null) {
    checkThis(this);
    const call = new Call('deriveBits');
    call.arity(arguments, 2);
    const named = call.algorithm(algorithm, '1st');
    call.key(baseKey, '2nd');
    const bits = length === null ? null : Math.trunc(Number(length)) || 0;
    const normalized = normalize(named, 'deriveBits');
    checkDerive(baseKey, normalized, 'deriveBits');
    return bufferOf(await derive(normalized, baseKey, bits));
  }

  async importKey(format, keyData, algorithm, extractable, keyUsages) {
    checkThis(this);
    const call = new Call('importKey');
    call.arity(arguments, 4);
    const wanted = call.format(format, '1st');
    let data;
    if (wanted === 'jwk') {
      if (typeof keyData !== 'object' && typeof keyData !== 'function') {
        throw typeError('ERR_INVALID_ARG_TYPE', `${call.prefix}: 2nd argument can not be converted to a dictionary`);
      }
      data = jwkOf(keyData ?? {}, call);
    } else {
      data = call.bytes(keyData, '2nd');
    }
    const named = call.algorithm(algorithm, '3rd');
    const usages = call.usages(keyUsages, '5th');
    return importKey(wanted, data, normalize(named, 'importKey'), Boolean(extractable), usages);
  }

  async exportKey(format, key) {
    checkThis(this);
    const call = new Call('exportKey');
    call.arity(arguments, 2);
    const wanted = call.format(format, '1st');
    const exported = exportKey(wanted, call.key(key, '2nd'));
    return wanted === 'jwk' ? exported : bufferOf(exported);
  }

  async wrapKey(format, key, wrappingKey, wrapAlgo) {
    checkThis(this);
    const call = new Call('wrapKey');
    call.arity(arguments, 4);
    const wanted = call.format(format, '1st');
    call.key(key, '2nd');
    call.key(wrappingKey, '3rd');
    const normalized = wrapAlgorithm(call.algorithm(wrapAlgo, '4th'), 'wrapKey', 'encrypt');
    checkUse(wrappingKey, normalized, 'wrapKey');
    let data = exportKey(wanted, key);
    if (wanted === 'jwk') {
      let text = JSON.stringify(data);
      // Key wrapping takes whole blocks; spaces do not change JSON.
      if (normalized.name === 'AES-KW') text = text.padEnd(Math.ceil(text.length / 8) * 8);
      data = Uint8Array.from(text, (character) => character.charCodeAt(0));
    }
    return bufferOf(cipher(normalized, wrappingKey, true, data));
  }

  async unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgo, unwrappedKeyAlgo, extractable, keyUsages) {
    checkThis(this);
    const call = new Call('unwrapKey');
    call.arity(arguments, 7);
    const wanted = call.format(format, '1st');
    const wrapped = call.bytes(wrappedKey, '2nd');
    call.key(unwrappingKey, '3rd');
    const normalized = wrapAlgorithm(call.algorithm(unwrapAlgo, '4th'), 'unwrapKey', 'decrypt');
    const imported = normalize(call.algorithm(unwrappedKeyAlgo, '5th'), 'importKey');
    const usages = call.usages(keyUsages, '7th');
    checkUse(unwrappingKey, normalized, 'unwrapKey');
    let data = cipher(normalized, unwrappingKey, false, wrapped);
    if (wanted === 'jwk') {
      let parsed;
      try {
        parsed = JSON.parse(new TextDecoder().decode(data));
      } catch {
        throw failure('DataError', 'Invalid wrapped JWK key');
      }
      data = jwkOf(parsed ?? {}, call);
    }
    return importKey(wanted, data, imported, Boolean(extractable), usages);
  }
}

for (const constructor of [CryptoKey, SubtleCrypto]) {
  const { prototype } = constructor;
  Object.defineProperty(prototype, Symbol.toStringTag, { configurable: true, value: constructor.name });
  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (name !== 'constructor') Object.defineProperty(prototype, name, { enumerable: true });
  }
}

internals.expose({ CryptoKey, SubtleCrypto });
internals.crypto_subtle = { subtle: new SubtleCrypto(MAKE), CryptoKey };
