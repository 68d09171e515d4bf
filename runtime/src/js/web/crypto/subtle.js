// WebCrypto: `crypto.subtle` and `SubtleCrypto` over the ops of crypto/mod.rs.
'use strict';

const { CryptoKey, failure, LARGE, MAKE, typeError } = internals.need('crypto_key');
const { bufferOf, Call, normalize } = internals.need('crypto_arguments');
const { exportKey, generate, importKey, jwkOf } = internals.need('crypto_forms');
const {
  checkDerive, checkUse, cipher, derive, derivedLength, sign, slowly, verify,
} = internals.need('crypto_operations');

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
