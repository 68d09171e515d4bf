// What `crypto.subtle` does with keys: signatures, ciphers, derivation.
'use strict';

const { AES, aesLength, failure, HASH_BLOCK_BITS, numberOf, operationFailed } = internals.need('crypto_key');

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

internals.crypto_operations = { checkDerive, checkUse, cipher, derive, derivedLength, sign, slowly, verify };
