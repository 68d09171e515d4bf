//! AES in the modes of WebCrypto: GCM, CBC, CTR and key wrapping (KW).
//!
//! GCM is composed here from the block cipher, counter mode and GHASH, because WebCrypto allows nonces of any length and
//! tags from 32 bits, which the ready-made construction fixes as types.

use aes::cipher::array::Array;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::typenum::U16;
use aes::cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit,
    StreamCipher,
};
use aes_kw::AesKw;
use ctr::Ctr32BE;
use ctr::Ctr128BE;
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use p256::elliptic_curve::subtle::ConstantTimeEq;

use super::job::{Job, Work};
use super::key::KeySlot;
use super::operation_failed;
use crate::js::op::{OpError, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::{Arguments, Fields};

type Block = Array<u8, U16>;

/// What to do with the data, besides the key.
enum Mode {
    Gcm { nonce: Vec<u8>, additional_data: Vec<u8>, tag_length: usize },
    Cbc { vector: Vec<u8> },
    Ctr { counter: [u8; 16], counter_bits: u32 },
    KeyWrap,
}

impl Mode {
    fn read(name: &str, fields: &mut Fields) -> Result<Self, OpError> {
        match name {
            "AES-GCM" => Ok(Self::Gcm {
                nonce: fields.bytes("iv")?.filter(|nonce| !nonce.is_empty()).ok_or_else(operation_failed)?,
                additional_data: fields.bytes("additionalData")?.unwrap_or_default(),
                tag_length: match fields.whole("tagLength")?.unwrap_or(128) {
                    bits @ (32 | 64 | 96 | 104 | 112 | 120 | 128) => bits as usize / 8,
                    _ => return Err(operation_failed()),
                },
            }),
            "AES-CBC" => Ok(Self::Cbc { vector: fields.bytes("iv")?.ok_or_else(operation_failed)? }),
            "AES-CTR" => Ok(Self::Ctr {
                counter: fields
                    .bytes("counter")?
                    .and_then(|counter| counter.try_into().ok())
                    .ok_or_else(operation_failed)?,
                counter_bits: match fields.whole("length")? {
                    Some(bits @ 1..=128) => bits,
                    _ => return Err(operation_failed()),
                },
            }),
            "AES-KW" => Ok(Self::KeyWrap),
            _ => Err(OpError::new("NotSupportedError", "Unrecognized algorithm name")),
        }
    }
}

/// Encrypts or decrypts: `(key, mode, encrypt, parameters, data) -> bytes`.
pub(super) struct Cipher;

impl Job for Cipher {
    fn prepare(state: &mut OpState, mut arguments: Arguments) -> Result<Work, OpError> {
        let slot = KeySlot::find(state, &mut arguments)?;
        let (name, encrypt, mut fields) = (arguments.text()?, arguments.flag()?, arguments.record()?);
        let mode = Mode::read(&name, &mut fields)?;
        let data = arguments.bytes()?;
        Ok(Box::new(move || {
            let key = slot.key()?.secret()?;
            let output = match key.len() {
                16 => run::<aes::Aes128>(key, &mode, encrypt, data),
                24 => run::<aes::Aes192>(key, &mode, encrypt, data),
                32 => run::<aes::Aes256>(key, &mode, encrypt, data),
                _ => Err(operation_failed()),
            }?;
            Ok(OpValue::Bytes(output))
        }))
    }
}

trait Aes: KeyInit + BlockCipherEncrypt<BlockSize = U16> + BlockCipherDecrypt {}
impl<T: KeyInit + BlockCipherEncrypt<BlockSize = U16> + BlockCipherDecrypt> Aes for T {}

fn run<C: Aes>(key: &[u8], mode: &Mode, encrypt: bool, data: Vec<u8>) -> Result<Vec<u8>, OpError> {
    match mode {
        Mode::Gcm { nonce, additional_data, tag_length } => {
            gcm::<C>(key, nonce, additional_data, *tag_length, encrypt, data)
        }
        Mode::Cbc { vector } => cbc::<C>(key, vector, encrypt, &data),
        Mode::Ctr { counter, counter_bits } => ctr::<C>(key, counter, *counter_bits, data),
        Mode::KeyWrap => key_wrap::<C>(key, encrypt, &data),
    }
}

fn gcm<C: Aes>(
    key: &[u8],
    nonce: &[u8],
    additional_data: &[u8],
    tag_length: usize,
    encrypt: bool,
    mut data: Vec<u8>,
) -> Result<Vec<u8>, OpError> {
    let cipher = C::new_from_slice(key).map_err(|_| operation_failed())?;
    let mut hash_key = Block::default();
    cipher.encrypt_block(&mut hash_key);
    let hash = GHash::new(&hash_key);

    let counter = match <[u8; 12]>::try_from(nonce) {
        Ok(nonce) => {
            let mut counter = Block::default();
            counter[..12].copy_from_slice(&nonce);
            counter[15] = 1;
            counter
        }
        Err(_) => {
            let mut hash = hash.clone();
            hash.update_padded(nonce);
            hash.update(&[lengths(0, nonce.len())]);
            hash.finalize()
        }
    };
    // The first block of the stream masks the tag.
    let mut stream = Ctr32BE::<C>::new_from_slices(key, &counter).map_err(|_| operation_failed())?;
    let mut mask = Block::default();
    stream.try_apply_keystream(&mut mask).map_err(|_| operation_failed())?;

    let tag_of = |ciphertext: &[u8]| {
        let mut hash = hash.clone();
        hash.update_padded(additional_data);
        hash.update_padded(ciphertext);
        hash.update(&[lengths(additional_data.len(), ciphertext.len())]);
        let mut tag = hash.finalize();
        tag.iter_mut().zip(&mask).for_each(|(byte, mask)| *byte ^= mask);
        tag
    };
    if encrypt {
        stream.try_apply_keystream(&mut data).map_err(|_| operation_failed())?;
        let tag = tag_of(&data);
        data.extend_from_slice(&tag[..tag_length]);
    } else {
        let length = data.len().checked_sub(tag_length).ok_or_else(operation_failed)?;
        let tag = data.split_off(length);
        if !bool::from(tag_of(&data)[..tag_length].ct_eq(&tag)) {
            return Err(operation_failed());
        }
        stream.try_apply_keystream(&mut data).map_err(|_| operation_failed())?;
    }
    Ok(data)
}

/// The block of two lengths, in bits, that ends what GHASH covers.
fn lengths(first: usize, second: usize) -> Block {
    let mut block = Block::default();
    block[..8].copy_from_slice(&(first as u64 * 8).to_be_bytes());
    block[8..].copy_from_slice(&(second as u64 * 8).to_be_bytes());
    block
}

fn cbc<C: Aes>(key: &[u8], vector: &[u8], encrypt: bool, data: &[u8]) -> Result<Vec<u8>, OpError> {
    if encrypt {
        let cipher = cbc::Encryptor::<C>::new_from_slices(key, vector).map_err(|_| operation_failed())?;
        Ok(cipher.encrypt_padded_vec::<Pkcs7>(data))
    } else {
        let cipher = cbc::Decryptor::<C>::new_from_slices(key, vector).map_err(|_| operation_failed())?;
        cipher.decrypt_padded_vec::<Pkcs7>(data).map_err(|_| operation_failed())
    }
}

/// Counter mode in which only the last bits of the block count, and wrap round without a carry into the rest.
fn ctr<C: Aes>(
    key: &[u8],
    counter: &[u8; 16],
    counter_bits: u32,
    mut data: Vec<u8>,
) -> Result<Vec<u8>, OpError> {
    let stream = |counter: u128| {
        Ctr128BE::<C>::new_from_slices(key, &counter.to_be_bytes()).map_err(|_| operation_failed())
    };
    let start = u128::from_be_bytes(*counter);
    let blocks = data.len().div_ceil(16) as u128;
    let counter_mask = u128::MAX >> (128 - counter_bits);
    if counter_bits < 128 && blocks > counter_mask + 1 {
        return Err(operation_failed());
    }
    // Blocks until the counter wraps, less one so that it fits for 128 bits.
    let until_wrap = counter_mask - (start & counter_mask);
    let split = if blocks > until_wrap { data.len().min((until_wrap as usize + 1) * 16) } else { data.len() };
    let (before, after) = data.split_at_mut(split);
    stream(start)?.try_apply_keystream(before).map_err(|_| operation_failed())?;
    if !after.is_empty() {
        stream(start & !counter_mask)?.try_apply_keystream(after).map_err(|_| operation_failed())?;
    }
    Ok(data)
}

fn key_wrap<C: Aes>(key: &[u8], wrap: bool, data: &[u8]) -> Result<Vec<u8>, OpError> {
    let cipher = AesKw::<C>::new_from_slice(key).map_err(|_| operation_failed())?;
    let mut output = vec![0; data.len() + 8];
    let length = match wrap {
        true if data.len() < 16 => return Err(operation_failed()),
        true => cipher.wrap_key(data, &mut output),
        false if data.len() < 24 => return Err(operation_failed()),
        false => cipher.unwrap_key(data, &mut output),
    }
    .map_err(|_| operation_failed())?
    .len();
    output.truncate(length);
    Ok(output)
}
