// Keys of `crypto.subtle`: making, importing and exporting them.
'use strict';

const {
  AES, aesLength, checkUsages, EC, failure, HASH_BLOCK_BITS, invalidKeyData, makeKey, numberOf, OKP, only,
  operationFailed, RSA, typeError, unique, USAGES_OF,
} = internals.need('crypto_key');
const { checkCurve } = internals.need('crypto_arguments');

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

internals.crypto_forms = { exportKey, generate, importKey, jwkOf };
