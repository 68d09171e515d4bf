//! Frames of the channel to a Node.js process: a JSON header and a body, each after its length (four bytes,
//! big-endian). Large texts travel as bodies, so that nobody escapes them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::{Error, Result};

/// Longest header: an error with its stack.
const HEADER_MAX: usize = 16 << 20;
/// Longest body: a file.
const BODY_MAX: usize = 1 << 30;

/// Writes a frame.
pub(super) fn encode(header: &impl Serialize, body: &[u8]) -> Result<Vec<u8>> {
    let header = serde_json::to_vec(header)
        .map_err(|error| Error::internal("a message to Node.js cannot be written").with_source(error))?;
    if body.len() > BODY_MAX {
        return Err(Error::function(format!(
            "{} bytes are too much for a Node action: the most are {BODY_MAX}.",
            body.len()
        )));
    }
    let mut frame = Vec::with_capacity(8 + header.len() + body.len());
    frame.extend_from_slice(&(header.len() as u32).to_be_bytes());
    frame.extend_from_slice(&(body.len() as u32).to_be_bytes());
    frame.extend_from_slice(&header);
    frame.extend_from_slice(body);
    Ok(frame)
}

/// Reads a frame; `None` at the end of the stream, or where there is no frame.
pub(super) async fn read<T: DeserializeOwned>(stream: &mut (impl AsyncRead + Unpin)) -> Option<(T, Vec<u8>)> {
    let header_length = stream.read_u32().await.ok()? as usize;
    let body_length = stream.read_u32().await.ok()? as usize;
    if header_length > HEADER_MAX || body_length > BODY_MAX {
        return None;
    }
    let mut header = vec![0; header_length];
    stream.read_exact(&mut header).await.ok()?;
    let mut body = vec![0; body_length];
    stream.read_exact(&mut body).await.ok()?;
    Some((serde_json::from_slice(&header).ok()?, body))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn frames_are_read_as_they_were_written_and_nothing_else() {
        let tasks = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut bytes = encode(&json!({"type": "a"}), b"body").unwrap();
        bytes.extend(encode(&json!({"type": "b"}), b"").unwrap());
        let mut stream = &bytes[..];
        let mut next = || tasks.block_on(read::<Value>(&mut stream));
        assert_eq!(next(), Some((json!({"type": "a"}), b"body".to_vec())));
        assert_eq!(next(), Some((json!({"type": "b"}), Vec::new())));
        assert_eq!(next(), None);
        for bad in [&b"\0\0\0\x05"[..], b"\xff\xff\xff\xff\0\0\0\0", b"\0\0\0\x01\0\0\0\0{"] {
            assert_eq!(tasks.block_on(read::<Value>(&mut &bad[..])), None);
        }
    }
}
