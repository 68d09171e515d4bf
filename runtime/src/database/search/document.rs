//! [`SearchDocument`]: what a full-text index takes of a document.

use fusion_schema::table::SearchIndexDefinition;
use fusion_schema::{Object, Value, key};
use sha2::{Digest, Sha256};

use super::tokens::each_term;

/// Filter values up to this length, encoded, are kept as they are; of longer ones a digest is kept, which is equal for
/// equal values only.
const FILTER_VALUE_LENGTH_MAX: usize = 96;

/// See the module's documentation.
#[derive(Debug, PartialEq)]
pub(crate) struct SearchDocument {
    /// The terms, sorted, each once, one after the other.
    text: Box<str>,
    /// For each term where it ends in `text`, and how often the document has it.
    terms: Box<[(u32, u32)]>,
    /// How many terms the text has, repetitions included.
    pub(super) length: u32,
    /// Milliseconds since the epoch.
    pub(super) creation_time: f64,
    /// The values of the filter fields, in the definition's order; see [`filter_value`].
    pub(super) filters: Box<[Box<[u8]>]>,
}

impl SearchDocument {
    /// `None` if the search field is missing or no string: such a document is not indexed.
    pub(crate) fn of(
        definition: &SearchIndexDefinition,
        fields: &Object,
        creation_time: f64,
    ) -> Option<Self> {
        let Some(Value::String(text)) = fields.get_path(&definition.search_field) else { return None };
        let filters = definition.filter_fields.iter().map(|field| filter_value(fields.get_path(field)));
        Some(Self::new(text, creation_time, filters.collect()))
    }

    pub(super) fn new(text: &str, creation_time: f64, filters: Box<[Box<[u8]>]>) -> Self {
        // All terms in one text, and where each begins: one allocation for the words of a document.
        let mut words = String::with_capacity(text.len());
        let mut spans: Vec<(u32, u32)> = Vec::new();
        each_term(text, |term| {
            let start = words.len() as u32;
            words.push_str(term);
            spans.push((start, words.len() as u32));
        });
        let word = |(start, end): (u32, u32)| &words[start as usize..end as usize];
        let length = u32::try_from(spans.len()).unwrap_or(u32::MAX);
        spans.sort_unstable_by(|a, b| word(*a).cmp(word(*b)));
        let mut sorted = String::with_capacity(words.len());
        let mut terms: Vec<(u32, u32)> = Vec::with_capacity(spans.len());
        let mut last = "";
        for span in spans {
            let term = word(span);
            match terms.last_mut() {
                Some((_, frequency)) if term == last => *frequency += 1,
                _ => {
                    sorted.push_str(term);
                    terms.push((sorted.len() as u32, 1));
                    last = term;
                }
            }
        }
        Self { text: sorted.into(), terms: terms.into(), length, creation_time, filters }
    }

    fn term(&self, position: usize) -> &str {
        let start = position.checked_sub(1).map_or(0, |before| self.terms[before].0);
        &self.text[start as usize..self.terms[position].0 as usize]
    }

    /// Its terms in order, each once.
    pub(crate) fn terms(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.terms.len()).map(|position| self.term(position))
    }

    /// Its terms in order, each with how often it has it.
    pub(super) fn frequencies(&self) -> impl Iterator<Item = (&str, u32)> {
        self.terms().zip(self.terms.iter().map(|(_, frequency)| *frequency))
    }

    /// The first term that is not less.
    fn lower_bound(&self, term: &str) -> usize {
        let (mut low, mut high) = (0, self.terms.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.term(middle) < term {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Whether a search cannot tell the texts apart.
    pub(super) fn has_same_text(&self, other: &Self) -> bool {
        self.text == other.text && self.terms == other.terms
    }

    /// How often it has a term.
    pub(super) fn frequency(&self, term: &str) -> u32 {
        let place = self.lower_bound(term);
        if place < self.terms.len() && self.term(place) == term { self.terms[place].1 } else { 0 }
    }

    /// How often it has terms that begin with `prefix`.
    pub(super) fn prefix_frequency(&self, prefix: &str) -> u32 {
        let first = self.lower_bound(prefix);
        let found = (first..self.terms.len()).take_while(|place| self.term(*place).starts_with(prefix));
        found.map(|place| self.terms[place].1).sum()
    }
}

/// A filter field's value as bytes that are equal exactly when the values are; a missing field has bytes of its own.
pub(crate) fn filter_value(value: Option<&Value>) -> Box<[u8]> {
    let mut bytes = Vec::new();
    key::encode_field(value, &mut bytes);
    if bytes.len() > FILTER_VALUE_LENGTH_MAX {
        // No encoding begins with this byte.
        let digest = Sha256::digest(&bytes);
        bytes.clear();
        bytes.push(0xFF);
        bytes.extend_from_slice(&digest);
    }
    bytes.into()
}
