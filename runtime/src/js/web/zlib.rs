//! Compression: gzip and deflate, piece by piece, each answer bounded.

use std::collections::VecDeque;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{DeflateDecoder, DeflateEncoder, GzDecoder, GzEncoder, ZlibDecoder, ZlibEncoder};

use super::arguments::{Arguments, object};
use crate::js::op::{Op, OpError, OpResult, OpTable, OpValue};
use crate::js::state::OpState;

pub(super) const OPS: OpTable = &[("zlib_new", Op::Sync(new)), ("zlib_write", Op::Sync(write))];

/// Input that is worked on at once: what a decoder makes of it, a thousandfold at most, is in memory.
const INPUT_STEP: usize = 1 << 10;
/// Output after which the answer is given.
const OUTPUT_STEP: usize = 256 << 10;

trait Codec: Write + Send {
    fn output(&mut self) -> &mut Vec<u8>;
    fn end(&mut self) -> io::Result<()>;
}

macro_rules! codec {
    ($($codec:ident)*) => {
        $(impl Codec for $codec<Vec<u8>> {
            fn output(&mut self) -> &mut Vec<u8> {
                self.get_mut()
            }

            fn end(&mut self) -> io::Result<()> {
                self.try_finish()
            }
        })*
    };
}
codec!(GzEncoder GzDecoder ZlibEncoder ZlibDecoder DeflateEncoder DeflateDecoder);

struct Zlib {
    codec: Box<dyn Codec>,
    decompresses: bool,
    input: VecDeque<u8>,
    is_ended: bool,
}

/// `(format, decompresses)` → a number.
fn new(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let mut args = Arguments::new(args);
    let (format, decompresses) = (args.text()?, args.flag()?);
    let level = Compression::default();
    let codec: Box<dyn Codec> = match (format.as_str(), decompresses) {
        ("gzip", false) => Box::new(GzEncoder::new(Vec::new(), level)),
        ("gzip", true) => Box::new(GzDecoder::new(Vec::new())),
        ("deflate", false) => Box::new(ZlibEncoder::new(Vec::new(), level)),
        ("deflate", true) => Box::new(ZlibDecoder::new(Vec::new())),
        ("deflate-raw", false) => Box::new(DeflateEncoder::new(Vec::new(), level)),
        ("deflate-raw", true) => Box::new(DeflateDecoder::new(Vec::new())),
        (format, _) => return Err(OpError::type_error(format!("There is no format {format:?}."))),
    };
    let zlib = Zlib { codec, decompresses, input: VecDeque::new(), is_ended: false };
    Ok(OpValue::Number(f64::from(state.resources.add(zlib))))
}

/// `(number, bytes?, last)` → `{ bytes, more }`; if there is more, ask again without bytes.
fn write(state: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let mut args = Arguments::new(args);
    let (number, bytes, last) = (args.whole()?, args.optional_bytes()?, args.flag()?);
    let Some(zlib) = state.resources.get_mut::<Zlib>(number) else {
        return Err(OpError::type_error("There is no such stream."));
    };
    zlib.input.extend(bytes.unwrap_or_default());
    let result = zlib.step(last);
    let (bytes, more) =
        result.map_err(|error| OpError::type_error(format!("The compressed data is not valid: {error}.")))?;
    if last && !more {
        state.resources.take::<Zlib>(number);
    }
    Ok(object([("bytes", OpValue::Bytes(bytes)), ("more", OpValue::Bool(more))]))
}

impl Zlib {
    fn step(&mut self, last: bool) -> io::Result<(Vec<u8>, bool)> {
        while !self.input.is_empty() && self.codec.output().len() < OUTPUT_STEP {
            let piece: Vec<u8> = self.input.iter().take(INPUT_STEP).copied().collect();
            let written = self.codec.write(&piece)?;
            if written == 0 {
                return Err(io::Error::other("something follows its end"));
            }
            self.input.drain(..written);
        }
        if last && self.input.is_empty() && !self.is_ended {
            self.is_ended = true;
            self.codec.end()?;
            if self.decompresses {
                // Ends without an error for input that ends early: what more input would do tells.
                let before = self.codec.output().len();
                let written = self.codec.write(&[0]).unwrap_or(0);
                if written != 0 || self.codec.output().len() != before {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends early"));
                }
            }
        }
        let bytes = std::mem::take(self.codec.output());
        Ok((bytes, !self.input.is_empty()))
    }
}
