//! Bodies with a `Content-Encoding`: brotli, gzip, deflate, zstd.
//!
//! What a body becomes is bounded like the body itself, so that a small one that unpacks to gigabytes is refused early.

use std::io::Read;

use axum::http::{HeaderMap, header};

use super::errors::TOO_LARGE;
use crate::error::{Error, Result};

/// Bytes that brotli reads at once.
const BROTLI_BUFFER: usize = 64 << 10;

/// Undoes the encodings of a body, at most `limit` bytes of it. Blocks.
///
/// # Errors
/// `UnsupportedContentEncoding`, `CorruptBody`, `RequestTooLarge`.
pub(super) fn decode(headers: &HeaderMap, body: bytes::Bytes, limit: usize) -> Result<bytes::Bytes> {
    let Some(encodings) = headers.get(header::CONTENT_ENCODING) else { return Ok(body) };
    let encodings = String::from_utf8_lossy(encodings.as_bytes()).to_ascii_lowercase();
    let mut body = body;
    // They are listed in the order in which they were applied.
    for encoding in encodings.split(',').rev().map(str::trim) {
        body = match encoding {
            "" | "identity" => body,
            "br" => read(brotli::Decompressor::new(&*body, BROTLI_BUFFER), "br", limit)?,
            "gzip" | "x-gzip" => read(flate2::read::MultiGzDecoder::new(&*body), "gzip", limit)?,
            "deflate" => read(flate2::read::ZlibDecoder::new(&*body), "deflate", limit)?,
            "zstd" => {
                let decoder = zstd::stream::read::Decoder::new(&*body);
                read(decoder.map_err(|error| corrupt("zstd", &error))?, "zstd", limit)?
            }
            other => {
                return Err(Error::bad_request(
                    "UnsupportedContentEncoding",
                    format!("The body is encoded with {other:?}. Use br, gzip, deflate or zstd."),
                ));
            }
        };
    }
    Ok(body)
}

fn read(decoder: impl Read, encoding: &str, limit: usize) -> Result<bytes::Bytes> {
    let mut decoded = Vec::new();
    let read = decoder.take(limit as u64 + 1).read_to_end(&mut decoded);
    if decoded.len() > limit {
        return Err(Error::bad_request(
            TOO_LARGE,
            format!("The body of the request unpacks to more than {limit} bytes."),
        ));
    }
    read.map_err(|error| corrupt(encoding, &error))?;
    Ok(decoded.into())
}

fn corrupt(encoding: &str, error: &std::io::Error) -> Error {
    Error::bad_request(
        "CorruptBody",
        format!("The body of the request is no valid {encoding} stream: {error}. Send it again."),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn headers(encoding: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_ENCODING, encoding.parse().unwrap())])
    }

    fn brotli(text: &[u8]) -> Vec<u8> {
        let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 4, 22);
        writer.write_all(text).unwrap();
        writer.into_inner()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(text, 1).unwrap()
    }

    #[test]
    fn every_encoding_is_undone_and_so_are_several() {
        let text = b"hello ".repeat(1_000);
        for (encoding, body) in [
            ("br", brotli(&text)),
            ("gzip", gzip(&text)),
            ("deflate", deflate(&text)),
            ("zstd", zstd(&text)),
            ("identity", text.clone()),
            ("gzip, br", brotli(&gzip(&text))),
        ] {
            let decoded = decode(&headers(encoding), body.into(), text.len()).expect(encoding);
            assert_eq!(decoded, text, "{encoding}");
        }
        assert_eq!(decode(&HeaderMap::new(), text.clone().into(), 1).unwrap(), text);
    }

    #[test]
    fn what_is_broken_or_too_large_is_refused() {
        let text = b"hello ".repeat(1_000);
        for (encoding, body) in
            [("br", brotli(&text)), ("gzip", gzip(&text)), ("deflate", deflate(&text)), ("zstd", zstd(&text))]
        {
            let error = decode(&headers(encoding), body.clone().into(), text.len() - 1).unwrap_err();
            assert_eq!(error.code(), TOO_LARGE, "{encoding}");
            let cut = body[..body.len() / 2].to_vec();
            let error = decode(&headers(encoding), cut.into(), text.len()).expect_err(encoding);
            assert_eq!(error.code(), "CorruptBody", "{encoding}");
            let error = decode(&headers(encoding), vec![0xFF; 40].into(), text.len()).expect_err(encoding);
            assert_eq!(error.code(), "CorruptBody", "{encoding}");
        }
        let error = decode(&headers("compress"), Vec::new().into(), 10).unwrap_err();
        assert_eq!(error.code(), "UnsupportedContentEncoding");
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let bomb = brotli(&vec![0; 64 << 20]);
        assert!(bomb.len() < 1_000);
        assert_eq!(decode(&headers("br"), bomb.into(), 1 << 20).unwrap_err().code(), TOO_LARGE);
    }
}
