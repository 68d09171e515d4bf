// Arguments of `crypto.subtle`: their conversion as WebIDL asks, with the errors that Node gives.
'use strict';

const {
  AES, all, CryptoKey, CURVE_BYTES, EC, failure, FORMATS, HASH_BYTES, isKey, OKP, only, RSA, typeError, USAGES,
} = internals.need('crypto_key');

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

internals.crypto_arguments = { bufferOf, Call, checkCurve, normalize };
