//! [`Key`]: the bytes under which an index holds a document.
//!
//! A key is the encoding of the index's fields (see [`fusion_schema::key`]), then the creation time as eight
//! sortable bytes, then the document's sixteen id bytes. Keys live in persistent maps whose nodes are copied
//! when they change, so short ones are stored inline: copying a node then allocates nothing.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use fusion_schema::id::InternalId;
use fusion_schema::{DocumentId, Object, TableNumber, Value, key};

use crate::store::TableId;

/// Keys up to this length are stored inline; makes a [`Key`] 48 bytes.
const INLINE_MAX: usize = 46;

/// An index of a table; slot 0 is `by_id`, 1 is `by_creation_time`, declared ones follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexId {
    /// The table.
    pub table: TableId,
    /// The index inside the table; never reused.
    pub slot: u16,
}

impl IndexId {
    /// The index of the table's ids.
    pub const fn by_id(table: TableId) -> Self {
        Self { table, slot: BY_ID }
    }

    /// The index of the table's creation times.
    pub const fn by_creation_time(table: TableId) -> Self {
        Self { table, slot: BY_CREATION_TIME }
    }
}

/// [`IndexId::slot`] of `by_id`.
pub(crate) const BY_ID: u16 = 0;
/// [`IndexId::slot`] of `by_creation_time`.
pub(crate) const BY_CREATION_TIME: u16 = 1;
/// [`IndexId::slot`] of a table's first declared index.
pub(crate) const FIRST_DECLARED: u16 = 2;

/// See the module's documentation.
#[derive(Clone)]
pub struct Key(Repr);

#[derive(Clone)]
enum Repr {
    Inline { length: u8, bytes: [u8; INLINE_MAX] },
    Shared(Arc<[u8]>),
}

impl Key {
    /// Makes a key of bytes.
    pub fn new(bytes: &[u8]) -> Self {
        if bytes.len() <= INLINE_MAX {
            let mut inline = [0; INLINE_MAX];
            inline[..bytes.len()].copy_from_slice(bytes);
            Self(Repr::Inline { length: bytes.len() as u8, bytes: inline })
        } else {
            Self(Repr::Shared(bytes.into()))
        }
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Repr::Shared(bytes) => bytes,
        }
    }

    /// The id at the key's end.
    pub(crate) fn internal_id(&self) -> InternalId {
        let bytes = self.as_bytes();
        let mut id = [0; 16];
        if let Some(tail) = bytes.len().checked_sub(16) {
            id.copy_from_slice(&bytes[tail..]);
        }
        id
    }

    /// The key of a document in the index of ids.
    pub(crate) fn of_id(id: InternalId) -> Self {
        Self::new(&id)
    }

    /// The key of a document in the index on `fields` (none: the index of creation times).
    pub(crate) fn of_document(
        fields: &[String],
        document: &Object,
        creation_time: f64,
        id: InternalId,
    ) -> Self {
        let mut bytes = Vec::with_capacity(INLINE_MAX + 18);
        for field in fields {
            key::encode_field(document.get_path(field), &mut bytes);
        }
        bytes.extend_from_slice(&sortable_time(creation_time));
        bytes.extend_from_slice(&id);
        Self::new(&bytes)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A creation time as bytes that sort like it.
pub(crate) fn sortable_time(time: f64) -> [u8; 8] {
    let mut bytes = Vec::with_capacity(9);
    key::encode_float(time, &mut bytes);
    let mut sortable = [0; 8];
    sortable.copy_from_slice(&bytes[1..]);
    sortable
}

/// Appends what a value equal to `value` has at the place of the creation time: `Ok` for a float, otherwise
/// whether all creation times sort before (`Less`) or after (`Greater`) it.
pub(crate) fn encode_time_bound(value: Option<&Value>, out: &mut Vec<u8>) -> Result<(), Ordering> {
    match value {
        Some(Value::Float64(time)) => {
            out.extend_from_slice(&sortable_time(*time));
            Ok(())
        }
        Some(value) if *value > Value::Float64(f64::from_bits(0x7FFF_FFFF_FFFF_FFFF)) => Err(Ordering::Less),
        _ => Err(Ordering::Greater),
    }
}

/// The least sixteen bytes whose id in table `number` is not below `text`, and whether that id equals it;
/// `None` if all ids of the table are below. Ids of one table have one length and sort as their bytes do, so a
/// binary search over the bytes finds it for any text.
pub(crate) fn id_lower_bound(number: TableNumber, text: &str) -> Option<(InternalId, bool)> {
    if let Ok(id) = DocumentId::decode(text)
        && id.table == number
    {
        return Some((id.internal, true));
    }
    let below = |internal: u128| DocumentId::new(number, internal.to_be_bytes()).to_string().as_str() < text;
    if below(u128::MAX) {
        return None;
    }
    let (mut low, mut high) = (0_u128, u128::MAX);
    while low < high {
        let middle = low + (high - low) / 2;
        if below(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Some((low.to_be_bytes(), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_48_bytes_and_orders_by_its_bytes() {
        assert_eq!(size_of::<Key>(), 48);
        let long = vec![7; 100];
        assert!(Key::new(&long[..46]) < Key::new(&long));
        assert_eq!(Key::new(&long).as_bytes(), &long[..]);
    }

    #[test]
    fn any_text_has_its_place_among_ids() {
        let number = TableNumber(10001);
        let id = |bytes: u128| DocumentId::new(number, bytes.to_be_bytes()).to_string();
        assert_eq!(id_lower_bound(number, ""), Some(([0; 16], false)));
        assert_eq!(id_lower_bound(number, "zzz"), None);
        let text = id(77 << 64);
        assert_eq!(id_lower_bound(number, &text), Some(((77_u128 << 64).to_be_bytes(), true)));
        let (bound, equal) = id_lower_bound(number, &text[..20]).unwrap();
        assert!(!equal);
        assert!(id(u128::from_be_bytes(bound)).as_str() >= &text[..20]);
        assert!(id(u128::from_be_bytes(bound) - 1).as_str() < &text[..20]);
    }
}
