//! Pagination as functions take and return it.

use super::Nullable;
use crate::Typed;

/// Which page of a query is wanted (`paginationOptsValidator` in TypeScript).
#[derive(Clone, Debug, PartialEq, Typed)]
pub struct PaginationOptions {
    /// How many documents the page should have; a hint once the end of the page is known.
    pub num_items: f64,
    /// Where the page starts; null is the start.
    pub cursor: Nullable<String>,
    /// Where the page ends, if it was loaded before.
    pub end_cursor: Option<Nullable<String>>,
    /// Tells apart the subscriptions of one client; it has no meaning on the server.
    pub id: Option<f64>,
    /// The most documents to scan for the page.
    pub maximum_rows_read: Option<f64>,
    /// The most bytes to scan for the page.
    pub maximum_bytes_read: Option<f64>,
}

impl PaginationOptions {
    /// The first `num_items` documents.
    pub const fn first(num_items: f64) -> Self {
        Self {
            num_items,
            cursor: Nullable(None),
            end_cursor: None,
            id: None,
            maximum_rows_read: None,
            maximum_bytes_read: None,
        }
    }
}

/// Whether a page should be read as two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub enum PageStatus {
    /// It has grown beyond a comfortable size.
    #[typed(rename = "SplitRecommended")]
    SplitRecommended,
    /// A limit cut it short of its end.
    #[typed(rename = "SplitRequired")]
    SplitRequired,
}

/// One page of a query (`PaginationResult` in TypeScript).
#[derive(Clone, Debug, PartialEq, Typed)]
pub struct Page<T> {
    /// The documents.
    pub page: Vec<T>,
    /// Whether nothing follows.
    pub is_done: bool,
    /// Where the next page starts.
    pub continue_cursor: String,
    /// Where the page can be split in two.
    pub split_cursor: Option<Nullable<String>>,
    /// Whether the page should be split.
    pub page_status: Option<Nullable<PageStatus>>,
}

impl<T> Page<T> {
    /// The same page with every document changed by `change`.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        self.with_page(|page| page.into_iter().map(change).collect())
    }

    /// The same page with every document changed by `change`, which may fail.
    pub fn try_map<U, E>(self, change: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let Self { page, is_done, continue_cursor, split_cursor, page_status } = self;
        let page = page.into_iter().map(change).collect::<Result<_, _>>()?;
        Ok(Page { page, is_done, continue_cursor, split_cursor, page_status })
    }

    /// The same position with other documents; a page may become shorter.
    pub fn with_page<U>(self, change: impl FnOnce(Vec<T>) -> Vec<U>) -> Page<U> {
        let Self { page, is_done, continue_cursor, split_cursor, page_status } = self;
        Page { page: change(page), is_done, continue_cursor, split_cursor, page_status }
    }
}
