//! [`Events`]: server-sent events, as much of them as chat completions use: the data, whatever its event's name.

/// The longest event, in bytes.
const EVENT_SIZE_MAX: usize = 1 << 20;

/// Takes a stream in parts of any size and gives the data of its events.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: String,
    has_data: bool,
}

impl Events {
    /// The data of the events that end in this part.
    pub(super) fn push(&mut self, part: &[u8]) -> Result<Vec<String>, &'static str> {
        let mut found = Vec::new();
        for piece in part.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.data.len() > EVENT_SIZE_MAX {
                return Err("a part is too long");
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.end_line(&line, &mut found)?;
            }
        }
        Ok(found)
    }

    fn end_line(&mut self, line: &[u8], found: &mut Vec<String>) -> Result<(), &'static str> {
        let line = std::str::from_utf8(line).map_err(|_| "it is no text")?.trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                found.push(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix("data:") {
            if self.has_data {
                self.data.push('\n');
            }
            self.has_data = true;
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
        // Everything else is a comment, which keeps the connection open, or a field nobody needs.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": keep-alive\n\ndata: {\"a\":\"ä\"}\r\n\r\nevent: x\ndata:1\ndata: 2\nid: 7\n\ndata: [DONE]\n\n";

    #[test]
    fn however_it_is_cut_the_data_is_the_same() {
        for size in 1..STREAM.len() {
            let mut events = Events::default();
            let parts = STREAM.as_bytes().chunks(size);
            let found: Vec<String> = parts.flat_map(|part| events.push(part).unwrap()).collect();
            assert_eq!(found, ["{\"a\":\"ä\"}", "1\n2", "[DONE]"], "in parts of {size}");
        }
    }

    #[test]
    fn endless_lines_and_other_bytes_are_refused() {
        let mut events = Events::default();
        assert!((0..2_000).any(|_| events.push(&[b'a'; 1_000]).is_err()));
        assert!(Events::default().push(b"data: \xff\n").is_err());
        let mut events = Events::default();
        assert!(
            (0..2_000).any(|_| events.push(format!("data: {}\n", "a".repeat(1_000)).as_bytes()).is_err())
        );
    }
}
