//! Pages of a query: deterministic cursors, journals, split points.
//!
//! A cursor is a position in the index ("everything up to this key", or the end) together with a fingerprint
//! of the query, sealed under the instance secret; equal positions give equal cursors, because caching and
//! sharing of queries depend on it. A journal lists where the pages of one run began and ended, so that a
//! re-run ends them at the same places although rows came or went: neighbouring pages stay adjacent. Unlike
//! the original, a function may read several pages; each finds its own end in the journal.

pub use fusion_schema::PageStatus;
use fusion_schema::object;
use sha2::{Digest, Sha256};

use super::stream::{Walk, resolve};
use super::{Order, Query, QueryOperator, QuerySource};
use crate::auth::secrets::Purpose;
use crate::database::document::Document;
use crate::database::key::Key;
use crate::database::transaction::Transaction;
use crate::error::{Error, Result};
use crate::limits::SEARCH_RESULTS_MAX;

/// Which page is wanted.
#[derive(Clone, Debug, Default)]
pub struct PageRequest {
    /// Where it begins; `None` is the start.
    pub cursor: Option<String>,
    /// Where it ends, whatever its size.
    pub end_cursor: Option<String>,
    /// How many documents, unless the end is given.
    pub page_size: usize,
    /// Most rows to look at, filtered ones included.
    pub maximum_rows_read: Option<usize>,
    /// Most bytes to look at, filtered ones included.
    pub maximum_bytes_read: Option<usize>,
}

/// A page.
#[derive(Debug)]
pub struct Page {
    /// Its documents.
    pub page: Vec<Document>,
    /// Whether nothing follows.
    pub is_done: bool,
    /// Where the next page begins.
    pub continue_cursor: String,
    /// Where to split it in two.
    pub split_cursor: Option<String>,
    /// Whether to split it.
    pub page_status: Option<PageStatus>,
}

/// Share of a limit at which a page ends by itself, leaving room for the rest of the function.
const SOFT_LIMIT_PERCENT: usize = 75;
/// Rows beyond which a page should be split: the longest array a client takes.
const PAGE_ROWS_COMFORTABLE: usize = fusion_schema::names::ARRAY_LENGTH_MAX * SOFT_LIMIT_PERCENT / 100;

/// A place in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Position {
    /// Every key in reading order up to and including this one was read.
    After(Vec<u8>),
    /// Everything was read.
    End,
}

const TAG_AFTER: u8 = 0;
const TAG_END: u8 = 1;
const FINGERPRINT_LENGTH: usize = 8;

type Fingerprint = [u8; FINGERPRINT_LENGTH];

fn fingerprint(query: &Query) -> Fingerprint {
    let digest = Sha256::digest(format!("{query:?}"));
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(&digest[..FINGERPRINT_LENGTH]);
    fingerprint
}

/// The pages of the last run and of this one.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    last: Vec<JournalPage>,
    current: Vec<JournalPage>,
}

/// Where a page began and ended, as cursors.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct JournalPage(Option<String>, String);

impl Journal {
    /// A journal that cannot be read counts as absent.
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let last = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Self { last, current: Vec::new() }
    }

    pub(crate) fn take(&mut self) -> Option<String> {
        if self.current.is_empty() {
            return None;
        }
        serde_json::to_string(&std::mem::take(&mut self.current)).ok()
    }
}

fn seal(tx: &Transaction, fingerprint: Fingerprint, position: &Position) -> Result<String> {
    let mut bytes = fingerprint.to_vec();
    match position {
        Position::After(key) => {
            bytes.push(TAG_AFTER);
            bytes.extend_from_slice(key);
        }
        Position::End => bytes.push(TAG_END),
    }
    tx.shared().secrets.seal(Purpose::Cursor, &bytes)
}

fn invalid_cursor(what: &str) -> Error {
    Error::application_with_text(
        object! {"isConvexSystemError" => true, "paginationError" => "InvalidCursor"},
        format!("InvalidCursor: {what}"),
    )
}

fn open(tx: &Transaction, fingerprint: Fingerprint, cursor: &str) -> Result<Position> {
    let bytes = tx.shared().secrets.open(Purpose::Cursor, cursor).ok_or_else(|| {
        invalid_cursor("The cursor is not one of this deployment. Start again from the first page.")
    })?;
    match bytes.split_first_chunk::<FINGERPRINT_LENGTH>() {
        Some((found, rest)) if *found == fingerprint => match rest.split_first() {
            Some((&TAG_AFTER, key)) => Ok(Position::After(key.to_vec())),
            Some((&TAG_END, [])) => Ok(Position::End),
            _ => Err(invalid_cursor("The cursor is damaged.")),
        },
        _ => Err(invalid_cursor(
            "Tried to run a query starting from a cursor, but it looks like this cursor is from a different query.",
        )),
    }
}

/// Reads a page; see [`Transaction::paginate`].
pub(crate) fn paginate(tx: &mut Transaction, query: &Query, request: &PageRequest) -> Result<Page> {
    let limits = tx.limits();
    let rows_soft = limits.documents_read_max * SOFT_LIMIT_PERCENT / 100;
    let bytes_soft = limits.bytes_read_max * SOFT_LIMIT_PERCENT / 100;
    if request.page_size == 0 && request.end_cursor.is_none() {
        return Err(Error::bad_request(
            "NoDocumentsForPagination",
            "Must request at least one document while paginating: numItems must be greater than zero.",
        ));
    }
    if request.page_size > limits.documents_read_max {
        return Err(Error::bad_request(
            "PageSizeTooLarge",
            format!(
                "The page size {} is too large: at most {} documents can be read.",
                request.page_size, limits.documents_read_max
            ),
        ));
    }
    let rows_max = request.maximum_rows_read.unwrap_or(rows_soft).min(rows_soft).max(1);
    let bytes_max = request.maximum_bytes_read.unwrap_or(bytes_soft).min(bytes_soft);

    let fingerprint = fingerprint(query);
    let start = request.cursor.as_deref().map(|cursor| open(tx, fingerprint, cursor)).transpose()?;
    // A journal of another query or secret does not open and counts as absent.
    let journalled = tx.journal.last.iter().find_map(|page| {
        let same = page.0 == request.cursor;
        same.then(|| open(tx, fingerprint, &page.1).ok()).flatten()
    });
    let end = match &request.end_cursor {
        Some(cursor) => Some(open(tx, fingerprint, cursor)?),
        None => journalled,
    };

    let pages = Pages { rows_max, bytes_max, page_size: request.page_size };
    let (page, reached, status, middle) = match start {
        Some(Position::End) => (Vec::new(), Position::End, None, None),
        start => pages.read(tx, query, start, end.as_ref())?,
    };
    let continue_cursor = seal(tx, fingerprint, &reached)?;
    let split_cursor = middle.map(|key| seal(tx, fingerprint, &Position::After(key))).transpose()?;
    tx.journal.current.push(JournalPage(request.cursor.clone(), continue_cursor.clone()));
    Ok(Page { page, is_done: reached == Position::End, continue_cursor, split_cursor, page_status: status })
}

struct Pages {
    rows_max: usize,
    bytes_max: usize,
    page_size: usize,
}

type ReadPage = (Vec<Document>, Position, Option<PageStatus>, Option<Vec<u8>>);

impl Pages {
    fn read(
        &self,
        tx: &mut Transaction,
        query: &Query,
        start: Option<Position>,
        end: Option<&Position>,
    ) -> Result<ReadPage> {
        let Some(mut resolved) = resolve(tx, &query.source)? else {
            return Ok((Vec::new(), Position::End, None, None));
        };
        let order = query.source.order();
        let range = &mut resolved.range;
        if let Some(Position::After(key)) = start {
            match order {
                Order::Asc => range.lower = crate::database::reads::after(&key),
                Order::Desc => range.upper = Some(key),
            }
        }
        if let Some(Position::After(key)) = end {
            match order {
                Order::Asc => range.upper = Some(crate::database::reads::after(key)),
                Order::Desc => range.lower.clone_from(key),
            }
        }
        let mut rows_max = self.rows_max;
        if matches!(query.source, QuerySource::Search { .. }) {
            rows_max = rows_max.min(SEARCH_RESULTS_MAX);
        }
        let mut walk = Walk::open(tx, resolved, order, None, true)?;
        let (mut page, mut keys, mut bytes) = (Vec::new(), Vec::<Key>::new(), 0);
        let mut limits: Vec<usize> = query
            .operators
            .iter()
            .map(|operator| match operator {
                QueryOperator::Limit(limit) => *limit,
                QueryOperator::Filter(_) => 0,
            })
            .collect();
        let mut status = None;
        let reached = loop {
            let ended_by_limit = query
                .operators
                .iter()
                .zip(&limits)
                .any(|(step, left)| matches!(step, QueryOperator::Limit(_)) && *left == 0);
            if ended_by_limit {
                break Position::End;
            }
            if end.is_none() && page.len() >= self.page_size {
                break Position::After(last_key(&keys));
            }
            if keys.len() >= rows_max || (bytes >= self.bytes_max && !keys.is_empty()) {
                status = Some(PageStatus::SplitRequired);
                break Position::After(last_key(&keys));
            }
            let Some((key, document)) = walk.next_with_key(tx)? else {
                break end.cloned().unwrap_or(Position::End);
            };
            bytes += document.size();
            keys.push(key);
            if passes(&query.operators, &mut limits, &document)? {
                page.push(document);
            }
        };
        if status.is_none() && page.len() > PAGE_ROWS_COMFORTABLE {
            status = Some(PageStatus::SplitRecommended);
        }
        let middle = (keys.len() >= 2).then(|| keys[(keys.len() - 1) / 2].as_bytes().to_vec());
        Ok((page, reached, status, middle))
    }
}

fn last_key(keys: &[Key]) -> Vec<u8> {
    keys.last().map(|key| key.as_bytes().to_vec()).unwrap_or_default()
}

/// Runs a document through the operators.
fn passes(operators: &[QueryOperator], limits: &mut [usize], document: &Document) -> Result<bool> {
    for (operator, left) in operators.iter().zip(limits) {
        match operator {
            QueryOperator::Filter(expression) => {
                if !expression.matches(document.fields())? {
                    return Ok(false);
                }
            }
            QueryOperator::Limit(_) => match left.checked_sub(1) {
                Some(rest) => *left = rest,
                None => return Ok(false),
            },
        }
    }
    Ok(true)
}
