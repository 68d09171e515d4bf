//! [`Page`]: the JSON text of a page, and when it is full.

use fusion_schema::json::{self, Format, encode_string, encode_to};

use crate::database::Timestamp;
use crate::error::{Error, Result};

/// Documents on a page; a transaction more may exceed it.
pub(super) const ROWS_MAX: usize = if cfg!(test) { 7 } else { 4_096 };
/// Bytes of documents on a page; a transaction more may exceed it.
const BYTES_MAX: usize = 4 << 20;
/// Documents looked at for a page that takes only some of them.
const EXAMINED_MAX: usize = if cfg!(test) { 20 } else { 100_000 };

/// Where a document is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The path of the component; empty for the app.
    pub(super) component: &'a str,
    /// The table.
    pub(super) table: &'a str,
    /// The last change.
    pub(super) ts: Timestamp,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Page {
    format: Format,
    values: String,
    rows: usize,
    examined: usize,
}

impl Page {
    /// An empty one.
    pub(super) fn new(format: Format) -> Self {
        Self { format, values: String::new(), rows: 0, examined: 0 }
    }

    /// Counts a document, on the page or not.
    pub(super) fn examine(&mut self) {
        self.examined += 1;
    }

    /// Whether it should end at the next opportunity.
    pub(super) fn is_full(&self) -> bool {
        self.rows >= ROWS_MAX || self.values.len() >= BYTES_MAX || self.examined >= EXAMINED_MAX
    }

    fn begin(&mut self, place: Place<'_>) {
        if self.rows > 0 {
            self.values.push(',');
        }
        self.rows += 1;
        self.values.push_str("{\"_component\":");
        encode_string(place.component, &mut self.values);
        self.values.push_str(",\"_table\":");
        encode_string(place.table, &mut self.values);
        self.values.push_str(&format!(",\"_ts\":{}", place.ts));
    }

    /// Adds a document as it is; of pages of changes it is said that it is not deleted.
    ///
    /// # Errors
    /// Internal if the document is damaged.
    pub(super) fn add(&mut self, place: Place<'_>, body: &str, is_change: bool) -> Result<()> {
        self.begin(place);
        if is_change {
            self.values.push_str(",\"_deleted\":false");
        }
        // A document has an id at least; its fields go on where its place ended.
        self.values.push(',');
        // The forms differ only where a value has no plain JSON, and those all begin like this.
        let is_same = match self.format {
            Format::Encoded => true,
            Format::Clean => !body.contains("{\"$"),
            Format::EncodedWithDots | Format::Export => false,
        };
        if is_same {
            self.values.push_str(body.strip_prefix('{').unwrap_or(body));
            return Ok(());
        }
        let value = json::decode(body)
            .map_err(|error| Error::internal("A document is damaged.").with_source(error))?;
        let begin = self.values.len();
        encode_to(&value, self.format, &mut self.values);
        self.values.remove(begin);
        Ok(())
    }

    /// Adds a deletion.
    pub(super) fn add_deleted(&mut self, place: Place<'_>, id: &str) {
        self.begin(place);
        self.values.push_str(",\"_deleted\":true,\"_id\":");
        encode_string(id, &mut self.values);
        self.values.push('}');
    }

    /// The whole answer; `rest` are its other fields.
    pub(super) fn finish(self, rest: &str) -> String {
        format!("{{\"values\":[{}],{rest}}}", self.values)
    }
}
