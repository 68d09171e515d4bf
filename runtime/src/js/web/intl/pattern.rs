//! Patterns of dates, such as `EEE, MMM d, y`: their fields, and how wide each is written.

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A letter and how often it stands.
    Field(char, usize),
    /// Text, as the pattern quotes it.
    Literal(String),
}

/// Takes a pattern apart.
pub(super) fn parse(pattern: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut quoted = false;
    for character in pattern.chars() {
        if character == '\'' {
            quoted = !quoted;
        }
        if !quoted && character.is_ascii_alphabetic() {
            match pieces.last_mut() {
                Some(Piece::Field(letter, count)) if *letter == character => *count += 1,
                _ => pieces.push(Piece::Field(character, 1)),
            }
        } else {
            match pieces.last_mut() {
                Some(Piece::Literal(text)) => text.push(character),
                _ => pieces.push(Piece::Literal(character.to_string())),
            }
        }
    }
    pieces
}

/// Puts a pattern together again.
pub(super) fn write(pieces: &[Piece]) -> String {
    let mut pattern = String::new();
    for piece in pieces {
        match piece {
            Piece::Field(letter, count) => pattern.extend(std::iter::repeat_n(*letter, *count)),
            Piece::Literal(text) => pattern.push_str(text),
        }
    }
    pattern
}
