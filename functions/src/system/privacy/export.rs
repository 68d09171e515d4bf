//! Exporting in parts: files of JSON lines, each stored and noted before the next one is begun.

use bytes::Bytes;
use fusion_runtime::Result;
use fusion_runtime::function::{ActionCtx, MutationCtx, QueryCtx};
use fusion_schema::json::{self, Format};
use fusion_schema::table::StoredFile;
use fusion_schema::tables::{
    AgentMessage, AgentThread, ContactSession, Conversation, ExportPart, KnowledgeEntry, Plugin,
    PrivacyRequest, PrivacyRequestStatus, RetentionPolicy, Subscription, WidgetSettings,
};
use fusion_schema::{Doc, Id, Nullable, Object, Page, PaginationOptions, Table, Typed, object};

use super::{RequestArgs, running};
use crate::services::Services;

/// A file is stored once it has so many bytes.
const PART_SIZE: usize = 4 << 20;
/// How many documents are read at once, and how many conversations with all their messages.
const PAGE: f64 = 200.0;
const CONVERSATIONS_PAGE: f64 = 10.0;
/// How many files are looked at for those that were not noted.
const FILES_AT_ONCE: usize = 10_000;
/// The type of the files, which says whose they are in case that nobody noted it any more.
const CONTENT_TYPE: &str = "application/x-ndjson; request=";

/// The tables, one after the other; messages come with their conversations.
const STAGES: &[&str] = &[
    WidgetSettings::NAME,
    Plugin::NAME,
    Subscription::NAME,
    RetentionPolicy::NAME,
    KnowledgeEntry::NAME,
    ContactSession::NAME,
    Conversation::NAME,
];

/// What was read.
#[derive(Default, Typed)]
pub(super) struct Lines {
    lines: Vec<String>,
    /// Threads whose messages are to be read.
    threads: Vec<String>,
    is_done: bool,
    cursor: String,
}

/// Goes on with an export until it is done.
pub(super) async fn run(ctx: &ActionCtx<Services>, request: &Doc<PrivacyRequest>) -> Result<()> {
    let request_id = request.id;
    ctx.run_mutation::<()>("system/privacy:dropOrphans", RequestArgs { request_id }).await?;
    let (mut stage, mut cursor) = (request.stage, request.cursor.clone());
    let (mut text, mut documents) = (String::new(), 0.0);
    loop {
        let organization_id = request.organization_id.clone();
        let args = PageArgs { organization_id, stage, cursor: Nullable(cursor.clone()) };
        let page: Lines = ctx.run_query("system/privacy:exportPage", args).await?;
        documents += append(&mut text, &page.lines);
        for thread_id in page.threads {
            let mut thread_cursor = Nullable(None);
            loop {
                let args = ThreadArgs { thread_id: thread_id.clone(), cursor: thread_cursor };
                let page: Lines = ctx.run_query("system/privacy:exportThread", args).await?;
                documents += append(&mut text, &page.lines);
                if page.is_done {
                    break;
                }
                thread_cursor = Nullable(Some(page.cursor));
            }
        }
        (stage, cursor) = if page.is_done { (stage + 1.0, None) } else { (stage, Some(page.cursor)) };
        let is_done = stage as usize >= STAGES.len();
        if is_done || text.len() >= PART_SIZE {
            let part = store(ctx, request_id, std::mem::take(&mut text)).await?;
            let save = SaveExport { request_id, stage, cursor: cursor.clone(), documents, part, is_done };
            ctx.run_mutation::<()>("system/privacy:saveExport", save).await?;
            documents = 0.0;
        }
        if is_done {
            return Ok(());
        }
    }
}

/// Adds lines and counts them.
fn append(text: &mut String, lines: &[String]) -> f64 {
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    lines.len() as f64
}

async fn store(
    ctx: &ActionCtx<Services>,
    request_id: Id<PrivacyRequest>,
    text: String,
) -> Result<Option<ExportPart>> {
    if text.is_empty() {
        return Ok(None);
    }
    let size = text.len() as f64;
    let content_type = format!("{CONTENT_TYPE}{request_id}");
    let storage_id = ctx.storage().store(Bytes::from(text), Some(content_type)).await?;
    Ok(Some(ExportPart { storage_id, size }))
}

/// Which documents.
#[derive(Typed)]
pub(super) struct PageArgs {
    organization_id: String,
    stage: f64,
    cursor: Nullable<String>,
}

/// The next documents of an organisation in one table.
pub(super) fn page(ctx: &mut QueryCtx<'_>, args: PageArgs) -> Result<Lines> {
    match STAGES.get(args.stage as usize).copied() {
        Some(WidgetSettings::NAME) => lines::<WidgetSettings>(ctx, args),
        Some(Plugin::NAME) => lines::<Plugin>(ctx, args),
        Some(Subscription::NAME) => lines::<Subscription>(ctx, args),
        Some(RetentionPolicy::NAME) => lines::<RetentionPolicy>(ctx, args),
        Some(ContactSession::NAME) => lines::<ContactSession>(ctx, args),
        Some(KnowledgeEntry::NAME) => {
            let page = read::<KnowledgeEntry>(ctx, args, PAGE)?;
            let files: Vec<_> = page.page.iter().map(|entry| entry.storage_id).collect();
            let mut found = to_lines(page);
            for (line, file) in found.lines.iter_mut().zip(files) {
                let url = file.map(|file| ctx.storage().get_url(file)).transpose()?.flatten();
                if let Some(url) = url {
                    // The file itself, beside what is known about it.
                    line.pop();
                    line.push_str(",\"url\":");
                    json::encode_string(&url, line);
                    line.push('}');
                }
            }
            Ok(found)
        }
        Some(Conversation::NAME) => {
            let page = read::<Conversation>(ctx, args, CONVERSATIONS_PAGE)?;
            let threads = page.page.iter().map(|conversation| conversation.thread_id.clone()).collect();
            Ok(Lines { threads, ..to_lines(page) })
        }
        _ => Ok(Lines { is_done: true, ..Lines::default() }),
    }
}

fn read<T: Table>(ctx: &mut QueryCtx<'_>, args: PageArgs, count: f64) -> Result<Page<Doc<T>>> {
    ctx.db()
        .query::<T>()
        .index("by_organization_id")
        .eq("organizationId", args.organization_id)
        .paginate(PaginationOptions { cursor: args.cursor, ..PaginationOptions::first(count) })
}

fn lines<T: Table>(ctx: &mut QueryCtx<'_>, args: PageArgs) -> Result<Lines> {
    read::<T>(ctx, args, PAGE).map(to_lines)
}

fn to_lines<T: Table>(page: Page<Doc<T>>) -> Lines {
    let line = |document: Doc<T>| {
        let mut line = String::new();
        let object: Object = object! { "table" => T::NAME, "document" => document.encode() };
        json::encode_object_to(&object, Format::Export, &mut line);
        line
    };
    Lines {
        lines: page.page.into_iter().map(line).collect(),
        threads: Vec::new(),
        is_done: page.is_done,
        cursor: page.continue_cursor,
    }
}

/// Which messages.
#[derive(Typed)]
pub(super) struct ThreadArgs {
    thread_id: String,
    cursor: Nullable<String>,
}

/// The next messages of a thread, oldest first.
pub(super) fn thread(ctx: &mut QueryCtx<'_>, args: ThreadArgs) -> Result<Lines> {
    let Some(thread) = ctx.db().normalize_id::<AgentThread>(&args.thread_id) else {
        return Ok(Lines { is_done: true, ..Lines::default() });
    };
    let page = ctx
        .db()
        .query::<AgentMessage>()
        .index("by_thread_id_and_order")
        .eq("threadId", thread)
        .paginate(PaginationOptions { cursor: args.cursor, ..PaginationOptions::first(PAGE) })?;
    Ok(to_lines(page))
}

/// How far an export has come.
#[derive(Typed)]
pub(super) struct SaveExport {
    request_id: Id<PrivacyRequest>,
    stage: f64,
    cursor: Option<String>,
    documents: f64,
    part: Option<ExportPart>,
    is_done: bool,
}

/// Notes how far an export has come, and the file that was stored last.
pub(super) fn save(ctx: &mut MutationCtx<'_>, args: SaveExport) -> Result<()> {
    let mut request = running(ctx, args.request_id)?;
    request.stage = args.stage;
    request.cursor = args.cursor;
    request.documents += args.documents;
    request.parts.extend(args.part);
    request.updated_at = ctx.now();
    if args.is_done {
        request.status = PrivacyRequestStatus::Done;
    }
    ctx.db().save(request)
}

/// Deletes files that were stored just before somebody was cut off, and never noted.
pub(super) fn drop_orphans(ctx: &mut MutationCtx<'_>, args: RequestArgs) -> Result<()> {
    let request = running(ctx, args.request_id)?;
    let content_type = format!("{CONTENT_TYPE}{}", request.id);
    let files = ctx
        .db()
        .system()
        .query::<StoredFile>()
        .index("by_creation_time")
        .gte("_creationTime", request.creation_time)
        .take(FILES_AT_ONCE)?;
    for file in files {
        let is_noted = request.parts.iter().any(|part| part.storage_id == file.id);
        if file.content_type.as_ref() == Some(&content_type) && !is_noted {
            ctx.storage().delete(file.id)?;
        }
    }
    let now = ctx.now();
    ctx.db().patch(request.id, object! { "updatedAt" => now })
}

/// Deletes the files of an export.
pub(super) fn delete_files(ctx: &mut MutationCtx<'_>, request: &Doc<PrivacyRequest>) -> Result<()> {
    for part in &request.parts {
        if ctx.storage().get_metadata(part.storage_id)?.is_some() {
            ctx.storage().delete(part.storage_id)?;
        }
    }
    Ok(())
}
