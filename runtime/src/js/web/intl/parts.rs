//! [`Parts`]: formatted text with the kind of each piece, as `formatToParts` gives it.

use std::fmt;

use writeable::{Part, PartsWrite, Writeable};

use crate::js::op::OpValue;

/// A piece of text and its kind, such as `integer`.
pub(super) type Piece = (&'static str, String);

/// Collects a text of ICU4X; where parts lie in parts the innermost counts.
#[derive(Default)]
pub(super) struct Parts {
    pieces: Vec<Piece>,
    open: Vec<Part>,
    /// A new piece begins even if it is of the kind of the last.
    fresh: bool,
}

impl Parts {
    /// The pieces of a text; what has no part is `literal`.
    pub(super) fn of(text: &(impl Writeable + ?Sized)) -> Vec<Piece> {
        let mut parts = Self::default();
        // Writing to memory does not fail.
        let _ = text.write_to_parts(&mut parts);
        parts.pieces
    }
}

impl fmt::Write for Parts {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.is_empty() {
            return Ok(());
        }
        let kind = self.open.last().map_or("literal", |part| part.value);
        match self.pieces.last_mut() {
            Some((last, piece)) if *last == kind && !self.fresh => piece.push_str(text),
            _ => self.pieces.push((kind, text.to_owned())),
        }
        self.fresh = false;
        Ok(())
    }
}

impl PartsWrite for Parts {
    type SubPartsWrite = Self;

    fn with_part(
        &mut self,
        part: Part,
        mut write: impl FnMut(&mut Self::SubPartsWrite) -> fmt::Result,
    ) -> fmt::Result {
        // The digits of a day are the day.
        if part.category == "decimal" && self.open.last().is_some_and(|open| open.category == "datetime") {
            return write(self);
        }
        self.open.push(part);
        self.fresh = part.value != "literal";
        let result = write(self);
        self.open.pop();
        self.fresh = false;
        result
    }
}

/// The pieces as a script gets them: kind, text, kind, text…
pub(super) fn value(pieces: Vec<Piece>) -> OpValue {
    let flat =
        pieces.into_iter().flat_map(|(kind, text)| [OpValue::String(kind.to_owned()), OpValue::String(text)]);
    OpValue::List(flat.collect())
}
