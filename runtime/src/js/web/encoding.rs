//! Text and bytes.

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding, UTF_8};

use super::arguments::Arguments;
use crate::js::op::{Op, OpError, OpResult, OpTable, OpValue};
use crate::js::state::OpState;

pub(super) const OPS: OpTable = &[
    ("utf8_encode", Op::Sync(|_, args| Ok(OpValue::Bytes(Arguments::new(args).text()?.into_bytes())))),
    ("encoding_name", Op::Sync(name)),
    ("decode", Op::Sync(decode)),
    ("decoder_new", Op::Sync(decoder_new)),
    ("decoder_decode", Op::Sync(decoder_decode)),
];

/// `(label)` → the encoding's name in lower case, or `null`.
fn name(_: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let label = Arguments::new(args).text()?;
    let encoding = Encoding::for_label_no_replacement(label.as_bytes());
    Ok(encoding.map_or(OpValue::Null, |encoding| OpValue::String(encoding.name().to_ascii_lowercase())))
}

/// `(encoding, bytes, fatal, ignoreBOM)` → the text, or `null` if it is fatal that the bytes are none.
fn decode(_: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let mut args = Arguments::new(args);
    let (encoding, bytes) = (encoding(&args.text()?)?, args.bytes()?);
    let (fatal, keep_bom) = (args.flag()?, args.flag()?);
    if encoding == UTF_8 {
        // Without a second copy for the most frequent case.
        let bytes = match String::from_utf8(bytes) {
            Ok(mut whole) => {
                if !keep_bom && whole.starts_with('\u{feff}') {
                    whole.remove(0);
                }
                return Ok(OpValue::String(whole));
            }
            Err(_) if fatal => return Ok(OpValue::Null),
            Err(error) => error.into_bytes(),
        };
        return Ok(text(&mut decoder(encoding, keep_bom), &bytes, true, fatal));
    }
    Ok(text(&mut decoder(encoding, keep_bom), &bytes, true, fatal))
}

struct Streaming {
    decoder: Decoder,
    fatal: bool,
}

/// `(encoding, fatal, ignoreBOM)` → the number of a decoder.
fn decoder_new(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let mut args = Arguments::new(args);
    let encoding = encoding(&args.text()?)?;
    let (fatal, keep_bom) = (args.flag()?, args.flag()?);
    let number = state.resources.add(Streaming { decoder: decoder(encoding, keep_bom), fatal });
    Ok(OpValue::Number(f64::from(number)))
}

/// `(decoder, bytes, more)` → the text, or `null`. The decoder is gone after the last piece and after a failure.
fn decoder_decode(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let mut args = Arguments::new(args);
    let (number, bytes, more) = (args.whole()?, args.bytes()?, args.flag()?);
    let Some(Streaming { decoder, fatal }) = state.resources.get_mut::<Streaming>(number) else {
        return Err(OpError::type_error("There is no such decoder."));
    };
    let text = text(decoder, &bytes, !more, *fatal);
    if !more || text == OpValue::Null {
        state.resources.take::<Streaming>(number);
    }
    Ok(text)
}

fn encoding(name: &str) -> Result<&'static Encoding, OpError> {
    Encoding::for_label_no_replacement(name.as_bytes())
        .ok_or_else(|| OpError::new("RangeError", format!("The {name:?} encoding is not supported.")))
}

fn decoder(encoding: &'static Encoding, keep_bom: bool) -> Decoder {
    if keep_bom {
        encoding.new_decoder_without_bom_handling()
    } else {
        encoding.new_decoder_with_bom_removal()
    }
}

fn text(decoder: &mut Decoder, bytes: &[u8], last: bool, fatal: bool) -> OpValue {
    let mut text = String::new();
    let mut rest = bytes;
    loop {
        let more = if fatal {
            decoder.max_utf8_buffer_length_without_replacement(rest.len())
        } else {
            decoder.max_utf8_buffer_length(rest.len())
        };
        // Reserved as it says, it never finds the output full; asked again all the same.
        text.reserve(more.unwrap_or(rest.len()));
        let (is_full, read) = if fatal {
            match decoder.decode_to_string_without_replacement(rest, &mut text, last) {
                (DecoderResult::Malformed(..), _) => return OpValue::Null,
                (result, read) => (result == DecoderResult::OutputFull, read),
            }
        } else {
            let (result, read, _) = decoder.decode_to_string(rest, &mut text, last);
            (result == CoderResult::OutputFull, read)
        };
        if !is_full {
            return OpValue::String(text);
        }
        rest = &rest[read..];
    }
}
