//! [`DocumentId`]: which document of which table, and its text form.
//!
//! The text is lower-case Crockford base32 of `VInt(table number) ‖ 16 bytes ‖ 2-byte footer`. The footer is
//! a Fletcher-16 checksum (modulus 256) over what precedes it, so a mistyped id is refused. Decoding is
//! one-to-one: a text that is not exactly what encoding gives is no id.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The number of a table inside its component; part of every id of that table. Numbers up to 10000 are
/// reserved for system tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableNumber(pub u32);

impl TableNumber {
    /// The first number given to a user's table.
    pub const FIRST_USER: Self = Self(10001);
    /// `_scheduled_functions`; fixed, because clients and dashboards rely on it.
    pub const SCHEDULED_FUNCTIONS: Self = Self(539);
    /// `_storage`; fixed, because clients and dashboards rely on it.
    pub const STORAGE: Self = Self(540);

    /// Whether the number belongs to a system table.
    pub const fn is_system(self) -> bool {
        self.0 < Self::FIRST_USER.0
    }
}

impl fmt::Display for TableNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The bytes of an id that tell documents of one table apart.
pub type InternalId = [u8; 16];

/// The id of a document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId {
    /// The table's number.
    pub table: TableNumber,
    /// The document inside the table.
    pub internal: InternalId,
}

/// Why a text is not an id.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("Unable to decode ID: {reason}")]
pub struct IdError {
    reason: &'static str,
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const FOOTER_LENGTH: usize = 2;
const TABLE_NUMBER_LENGTH_MAX: usize = 5;
const BINARY_LENGTH_MAX: usize = TABLE_NUMBER_LENGTH_MAX + 16 + FOOTER_LENGTH;
const TEXT_LENGTH_MAX: usize = (BINARY_LENGTH_MAX * 8).div_ceil(5);

const DECODE: [u8; 256] = {
    let mut table = [0xFF_u8; 256];
    let mut index = 0;
    while index < 32 {
        table[ALPHABET[index] as usize] = index as u8;
        index += 1;
    }
    table
};

/// Fletcher-16 with modulus 256; the version XORed into it is 0.
fn footer(bytes: &[u8]) -> [u8; FOOTER_LENGTH] {
    let (mut c0, mut c1) = (0_u8, 0_u8);
    for byte in bytes {
        c0 = c0.wrapping_add(*byte);
        c1 = c1.wrapping_add(c0);
    }
    [c0, c1]
}

impl DocumentId {
    /// Puts an id together.
    pub const fn new(table: TableNumber, internal: InternalId) -> Self {
        Self { table, internal }
    }

    /// Appends the text form to `out`.
    pub fn encode_to(&self, out: &mut String) {
        let (text, length) = self.encode();
        out.extend(text[..length].iter().copied().map(char::from));
    }

    /// The text form, in ASCII, and its length.
    fn encode(&self) -> ([u8; TEXT_LENGTH_MAX], usize) {
        let mut binary = [0_u8; BINARY_LENGTH_MAX];
        let mut length = 0;
        let mut number = self.table.0;
        loop {
            let low = (number & 0x7F) as u8;
            number >>= 7;
            binary[length] = if number == 0 { low } else { low | 0x80 };
            length += 1;
            if number == 0 {
                break;
            }
        }
        binary[length..length + 16].copy_from_slice(&self.internal);
        length += 16;
        let [low, high] = footer(&binary[..length]);
        binary[length] = low;
        binary[length + 1] = high;
        length += FOOTER_LENGTH;

        let mut text = [0_u8; TEXT_LENGTH_MAX];
        let mut text_length = 0;
        let (mut buffer, mut bits) = (0_u32, 0_u32);
        for byte in &binary[..length] {
            buffer = (buffer << 8) | u32::from(*byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                text[text_length] = ALPHABET[((buffer >> bits) & 31) as usize];
                text_length += 1;
            }
        }
        if bits > 0 {
            text[text_length] = ALPHABET[((buffer << (5 - bits)) & 31) as usize];
            text_length += 1;
        }
        (text, text_length)
    }

    /// Reads the text form.
    pub fn decode(text: &str) -> Result<Self, IdError> {
        let error = |reason| IdError { reason };
        if !(31..=37).contains(&text.len()) {
            return Err(error("wrong length"));
        }
        let mut binary = [0_u8; BINARY_LENGTH_MAX + 1];
        let mut length = 0;
        let (mut buffer, mut bits) = (0_u32, 0_u32);
        for byte in text.bytes() {
            let digit = DECODE[byte as usize];
            if digit == 0xFF {
                return Err(error("invalid character"));
            }
            buffer = (buffer << 5) | u32::from(digit);
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                binary[length] = ((buffer >> bits) & 0xFF) as u8;
                length += 1;
            }
        }
        let (mut number, mut shift, mut position) = (0_u64, 0_u32, 0_usize);
        loop {
            if position == TABLE_NUMBER_LENGTH_MAX {
                return Err(error("table number too long"));
            }
            let byte = binary[position];
            position += 1;
            number |= u64::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let number = u32::try_from(number).map_err(|_| error("table number too large"))?;
        if number == 0 {
            return Err(error("table number is zero"));
        }
        if length != position + 16 + FOOTER_LENGTH {
            return Err(error("wrong length"));
        }
        let mut internal = [0_u8; 16];
        internal.copy_from_slice(&binary[position..position + 16]);
        if footer(&binary[..position + 16]) != binary[position + 16..length] {
            return Err(error("checksum does not match"));
        }
        let id = Self { table: TableNumber(number), internal };
        // One-to-one: padding bits and overlong numbers would give the same id from another text.
        let (canonical, length) = id.encode();
        if &canonical[..length] == text.as_bytes() { Ok(id) } else { Err(error("not in canonical form")) }
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(37);
        self.encode_to(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{self}", self.table)
    }
}

impl FromStr for DocumentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::decode(text)
    }
}

impl From<DocumentId> for crate::Value {
    fn from(id: DocumentId) -> Self {
        Self::String(id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(table: u32, internal: InternalId) -> DocumentId {
        DocumentId::new(TableNumber(table), internal)
    }

    #[test]
    fn encodes_the_given_examples() {
        let counting: InternalId = std::array::from_fn(|index| index as u8);
        assert_eq!(id(10001, counting).to_string(), "j57000820c20a1g7104gm2rc1m70ynr8");
        assert_eq!(id(10001, [0; 16]).to_string(), "j5700000000000000000000000001qv0");
        assert_eq!(id(1, counting).to_string(), "040020g30g2gc1r81450p30d1r7qke8");
    }

    #[test]
    fn decodes_an_id_from_the_wild() {
        let id = DocumentId::decode("kg27rxfv99gzp01wmph0gvt92d6hnvy6").unwrap();
        assert_eq!(id.table, TableNumber::STORAGE);
        assert_eq!(id.to_string(), "kg27rxfv99gzp01wmph0gvt92d6hnvy6");
    }

    #[test]
    fn refuses_what_encoding_does_not_give() {
        let good = "j57000820c20a1g7104gm2rc1m70ynr8";
        for bad in [
            "",
            "j57000820c20a1g7104gm2rc1m70ynr",
            "J57000820c20a1g7104gm2rc1m70ynr8",
            "j57000820c20a1g7104gm2rc1m70ynr9",
            "j57000820c20a1g7104gm2rc1m70ynrl",
            "j57000820c20a1g7104gm2rc1m71ynr8",
        ] {
            assert!(DocumentId::decode(bad).is_err(), "{bad}");
        }
        assert!(DocumentId::decode(good).is_ok());
    }
}
