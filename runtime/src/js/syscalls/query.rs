//! Queries: streams that a script reads document by document, and pages.

use fusion_schema::PageStatus;
use serde::Deserialize;
use serde_json::Value as Json;
use slab::Slab;

use super::{arguments, quoted};
use crate::database::query::{PageRequest, Query};
use crate::database::{Document, QueryStream};
use crate::function::context::check_table_name;
use crate::function::execution::Execution;
use crate::{Error, Result};

/// The streams that a script has open, by number.
pub(super) type Streams = Slab<QueryStream>;

/// Fails for a table that functions may not read.
pub(super) fn check_readable(table: &str) -> Result<()> {
    check_table_name(table, table.starts_with('_'))
}

fn query(json: &Json) -> Result<Query> {
    let query = Query::from_json(json)?;
    check_readable(query.source.table())?;
    Ok(query)
}

#[derive(Deserialize)]
struct Open {
    query: Json,
}

pub(super) fn open(execution: &mut Execution, streams: &mut Streams, args: &str) -> Result<String> {
    let Open { query: json } = arguments("1.0/queryStream", args)?;
    let stream = execution.tx().query(&query(&json)?)?;
    Ok(format!("{{\"queryId\":{}}}", streams.insert(stream)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ByNumber {
    query_id: usize,
}

pub(super) fn next(execution: &mut Execution, streams: &mut Streams, args: &str) -> Result<String> {
    let ByNumber { query_id } = arguments("1.0/queryStreamNext", args)?;
    let stream = streams.get_mut(query_id).ok_or_else(|| {
        Error::bad_request("InvalidQuery", "This query is closed and cannot be read any more.")
    })?;
    Ok(match stream.next(execution.tx())? {
        Some(document) => format!("{{\"value\":{},\"done\":false}}", document.json()),
        None => r#"{"value":null,"done":true}"#.to_owned(),
    })
}

pub(super) fn cleanup(streams: &mut Streams, args: &str) -> Result<String> {
    let ByNumber { query_id } = arguments("1.0/queryCleanup", args)?;
    Ok(streams.try_remove(query_id).is_some().to_string())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageArguments {
    query: Json,
    cursor: Option<String>,
    end_cursor: Option<String>,
    page_size: f64,
    maximum_rows_read: Option<f64>,
    maximum_bytes_read: Option<f64>,
}

pub(super) fn page(execution: &mut Execution, args: &str) -> Result<String> {
    let args: PageArguments = arguments("1.0/queryPage", args)?;
    let whole = |number: f64| number.clamp(0.0, f64::from(u32::MAX)) as usize;
    let request = PageRequest {
        cursor: args.cursor,
        end_cursor: args.end_cursor,
        page_size: whole(args.page_size),
        maximum_rows_read: args.maximum_rows_read.map(whole),
        maximum_bytes_read: args.maximum_bytes_read.map(whole),
    };
    execution.check_paginate()?;
    let page = execution.tx().paginate(&query(&args.query)?, &request)?;
    let mut out = String::from("{\"page\":[");
    for (index, document) in page.page.iter().map(Document::json).enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(document);
    }
    let text_or_null = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), quoted);
    let status = page.page_status.map(|status| match status {
        PageStatus::SplitRecommended => "SplitRecommended",
        PageStatus::SplitRequired => "SplitRequired",
    });
    out.push_str(&format!(
        "],\"isDone\":{},\"continueCursor\":{},\"splitCursor\":{},\"pageStatus\":{}}}",
        page.is_done,
        quoted(&page.continue_cursor),
        text_or_null(page.split_cursor.as_deref()),
        text_or_null(status),
    ));
    Ok(out)
}
