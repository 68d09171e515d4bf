//! [`SearchQuery`]: what a function asks of a full-text index; [`SearchRead`]: what the answer depends on.

use std::sync::Arc;

use fusion_schema::Value;
use fusion_schema::key::prefix_end;

use super::document::{SearchDocument, filter_value};
use super::tokens::each_term;
use crate::database::attached::{AttachedChange, AttachedDefinition, AttachedMeta, Extract};
use crate::database::catalog::TableMeta;
use crate::database::key::IndexId;
use crate::database::reads::{Interval, after};
use crate::error::{Error, Result};
use crate::limits::{SEARCH_FILTERS_MAX, SEARCH_TERMS_MAX};

/// A condition of a search, as functions write them.
#[derive(Clone, Debug)]
pub enum SearchExpression {
    /// The words to be found in the search field.
    Search {
        /// The search field.
        field: String,
        /// The words.
        text: String,
    },
    /// A filter field equals a value.
    Eq {
        /// The filter field.
        field: String,
        /// The value; `None` is a missing field.
        value: Option<Value>,
    },
}

/// See the module's documentation. A document is found if it has any of the terms, or one that begins with the prefix,
/// and its filter fields have the values asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchQuery {
    /// The terms, each once, in the order of the text.
    pub(super) terms: Vec<String>,
    /// The last term of the text; it is one of `terms`, too, so that whole words rank before longer ones.
    pub(super) prefix: Option<String>,
    /// The filter fields asked for, by their position in the definition, and their values.
    pub(super) filters: Vec<(usize, Box<[u8]>)>,
}

impl SearchQuery {
    /// Compiles the conditions. Words beyond the limit are not looked for, as nobody who types or pastes a long text
    /// can be told.
    ///
    /// # Errors
    /// Bad requests that name the index and the field: no search or more than one, a field that is not the search
    /// field or not a filter field, too many filters.
    pub(crate) fn compile(
        table: &TableMeta,
        index: &AttachedMeta,
        expressions: &[SearchExpression],
    ) -> Result<Self> {
        let name = format!("{}.{}", table.name, index.name());
        let AttachedDefinition::Search(definition) = &index.definition;
        let (mut text, mut filters) = (None, Vec::new());
        for expression in expressions {
            match expression {
                SearchExpression::Search { field, .. } if *field != definition.search_field => {
                    return Err(Error::bad_request(
                        "IncorrectSearchField",
                        format!(
                            "Search index {name} searches the field \"{}\", not \"{field}\". Write `q.search(\"{}\", ...)`.",
                            definition.search_field, definition.search_field
                        ),
                    ));
                }
                SearchExpression::Search { text: words, .. } => {
                    if text.replace(words).is_some() {
                        return Err(Error::bad_request(
                            "DuplicateSearchFiltersError",
                            format!(
                                "A search on index {name} has more than one `search`; it must have exactly one."
                            ),
                        ));
                    }
                }
                SearchExpression::Eq { field, value } => {
                    let Some(position) = definition.filter_fields.iter().position(|known| known == field)
                    else {
                        return Err(Error::bad_request(
                            "IncorrectFilterField",
                            format!(
                                "Search index {name} cannot filter by \"{field}\": it is not one of its `filterFields` [{}]. Add it there, or use `.filter` after the search.",
                                definition.filter_fields.join(", ")
                            ),
                        ));
                    };
                    filters.push((position, filter_value(value.as_ref())));
                }
            }
        }
        if filters.len() > SEARCH_FILTERS_MAX {
            return Err(Error::bad_request(
                "TooManyFilterConditionsInSearchQueryError",
                format!(
                    "A search on index {name} has {} filters, at most {SEARCH_FILTERS_MAX} are allowed.",
                    filters.len()
                ),
            ));
        }
        let Some(text) = text else {
            return Err(Error::bad_request(
                "MissingSearchFilterError",
                format!(
                    "A search on index {name} does not say what to search for. Write `q.search(\"{}\", ...)`.",
                    definition.search_field
                ),
            ));
        };
        Ok(Self::new(text, filters))
    }

    pub(super) fn new(text: &str, filters: Vec<(usize, Box<[u8]>)>) -> Self {
        let (mut terms, mut prefix, mut count) = (Vec::<String>::new(), None, 0);
        each_term(text, |term| {
            count += 1;
            if count > SEARCH_TERMS_MAX {
                prefix = None;
                return;
            }
            prefix = Some(term.to_owned());
            if !terms.iter().any(|known| known == term) {
                terms.push(term.to_owned());
            }
        });
        Self { terms, prefix, filters }
    }

    /// Whether no document can be found.
    pub(crate) const fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether the document's filter fields have the values asked for.
    pub(super) fn passes(&self, document: &SearchDocument) -> bool {
        self.filters.iter().all(|(field, value)| document.filters.get(*field) == Some(value))
    }

    /// Whether the document is found.
    fn matches(&self, document: &SearchDocument) -> bool {
        self.passes(document)
            && (self.terms.iter().any(|term| document.frequency(term) > 0)
                || self.prefix.as_ref().is_some_and(|prefix| document.prefix_frequency(prefix) > 0))
    }
}

/// A search whose result a transaction depends on: on every document that it finds, or found before a change.
///
/// Of documents whose text and filter fields stay as they are it does not depend; those that were read are in the read
/// set by themselves. Nor does it depend on the statistics that ranking uses, unless it is a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchRead {
    pub(crate) index: IndexId,
    pub(crate) query: SearchQuery,
    /// A page ends and the next begins at a rank. Pages of different statistics would overlap or leave gaps, so a page
    /// depends on every text of the index.
    pub(crate) is_page: bool,
}

impl SearchRead {
    /// What it reads of the index's terms, so that writes can be looked up: see [`AttachedChange::touched_terms`].
    pub(crate) fn intervals(&self) -> impl Iterator<Item = Interval> {
        let index = self.index;
        let whole = self.is_page.then(|| Interval { index, start: Vec::new(), end: None });
        let terms = self.query.terms.iter().map(move |term| {
            let start = term.as_bytes().to_vec();
            Interval { index, end: Some(after(&start)), start }
        });
        let prefix = self.query.prefix.iter().map(move |prefix| {
            let start = prefix.as_bytes().to_vec();
            Interval { index, end: prefix_end(&start), start }
        });
        whole.into_iter().chain(terms).chain(prefix)
    }

    /// Whether a change of this index can change the result.
    pub(crate) fn is_touched_by(&self, change: &AttachedChange) -> bool {
        if self.index.slot != change.slot {
            return false;
        }
        let old = change.old.as_ref().and_then(Extract::as_search);
        let new = change.new.as_ref().and_then(Extract::as_search);
        let matches = |document: &Arc<SearchDocument>| self.query.matches(document);
        let (before, after) = (old.is_some_and(matches), new.is_some_and(matches));
        match (old, new) {
            // It keeps its place, whatever happened to its other filter fields.
            (Some(old), Some(new)) if before && after || self.is_page => {
                before != after || !old.has_same_text(new)
            }
            (None, Some(_)) | (Some(_), None) if self.is_page => true,
            _ => before || after,
        }
    }
}
