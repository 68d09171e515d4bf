//! `private/files`: the documents an organisation's assistant answers from.

use fusion_runtime::Result;
use fusion_runtime::function::{ActionCtx, MutationCtx, QueryCtx};
use fusion_schema::tables::{EntryStatus, KnowledgeEntry};
use fusion_schema::{Bytes, Doc, Id, Nullable, Page, PaginationOptions, Typed};

use crate::errors::{not_found, unauthorized, wrong_arguments};
use crate::guards::Operator;
use crate::knowledge::content_type::extension;
use crate::knowledge::upload::{self, Upload};
use crate::services::Services;
use crate::system::ai::knowledge::remove;

/// How many files a page has when nothing is said.
const PAGE_SIZE_DEFAULT: f64 = 10.0;

/// `private/files`.
pub(crate) fn register(module: &mut crate::Module) {
    module.action("addFile", add_file).mutation("deleteFile", delete_file).query("list", list);
}

#[derive(Typed)]
struct AddFile {
    filename: String,
    mime_type: String,
    bytes: Bytes,
    category: Option<String>,
}

#[derive(Typed)]
struct Added {
    url: Nullable<String>,
    entry_id: Id<KnowledgeEntry>,
}

/// Adds a file to the knowledge base, in the place of one of the same name. A long one goes on being processed
/// afterwards, as the list shows.
async fn add_file(ctx: ActionCtx<Services>, args: AddFile) -> Result<Added> {
    let operator = Operator::from_identity(ctx.identity()?, "Identity not found")?;
    let upload = Upload {
        organization_id: operator.organization_id,
        filename: args.filename,
        mime_type: args.mime_type,
        bytes: args.bytes.0.into(),
        category: args.category.filter(|category| !category.is_empty()),
    };
    let upload::Added { entry_id, url } = upload::add(&ctx, upload).await?;
    Ok(Added { url, entry_id })
}

/// Either `entryId` or `fileId`, which is the same.
#[derive(Typed)]
struct DeleteFile {
    entry_id: Option<String>,
    file_id: Option<String>,
}

/// Removes a file from the knowledge base.
fn delete_file(ctx: &mut MutationCtx<'_>, args: DeleteFile) -> Result<()> {
    let operator = Operator::of(ctx)?;
    let (DeleteFile { entry_id: Some(id), file_id: None } | DeleteFile { entry_id: None, file_id: Some(id) }) =
        args
    else {
        return Err(wrong_arguments("Give either `entryId` or `fileId`."));
    };
    let any = ctx
        .db()
        .query::<KnowledgeEntry>()
        .index("by_organization_id")
        .eq("organizationId", operator.organization_id.as_str())
        .first()?;
    if any.is_none() {
        return Err(unauthorized("Invalid namespace"));
    }
    let entry = match ctx.db().normalize_id(&id) {
        Some(id) => ctx.db().get(id)?,
        None => None,
    };
    let entry: Doc<KnowledgeEntry> = entry.ok_or_else(|| not_found("Entry not found"))?;
    if entry.organization_id != operator.organization_id {
        return Err(unauthorized("Invalid Organization ID"));
    }
    remove(ctx, &entry)
}

#[derive(Typed)]
struct ListFiles {
    category: Option<String>,
    pagination_opts: Option<PaginationOptions>,
}

/// Whether a file can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
enum FileStatus {
    Ready,
    Processing,
    Error,
}

#[derive(Typed)]
struct PublicFile {
    id: Id<KnowledgeEntry>,
    name: String,
    #[typed(rename = "type")]
    extension: String,
    size: String,
    status: FileStatus,
    url: Nullable<String>,
    category: Option<String>,
    /// How much of it is processed, from 0 to 1; only while it is being processed.
    progress: Option<f64>,
    /// What went wrong last.
    error: Option<String>,
}

/// The organisation's files in the order they came, those that are being processed among them.
fn list(ctx: &mut QueryCtx<'_>, args: ListFiles) -> Result<Page<PublicFile>> {
    let operator = Operator::of(ctx)?;
    let page = ctx
        .db()
        .query::<KnowledgeEntry>()
        .index("by_organization_id")
        .eq("organizationId", operator.organization_id)
        .paginate(args.pagination_opts.unwrap_or(PaginationOptions::first(PAGE_SIZE_DEFAULT)))?;
    let category = args.category.filter(|category| !category.is_empty());
    let page = page.try_map(|entry| public_file(ctx, entry))?;
    Ok(page.with_page(|files| {
        let wanted = |file: &PublicFile| category.is_none() || file.category == category;
        files.into_iter().filter(wanted).collect()
    }))
}

fn public_file(ctx: &mut QueryCtx<'_>, entry: Doc<KnowledgeEntry>) -> Result<PublicFile> {
    let (mut size, mut url) = ("unknown".to_owned(), None);
    if let Some(file) = entry.storage_id {
        if let Some(metadata) = ctx.storage().get_metadata(file)? {
            size = human_size(metadata.size as f64);
        }
        url = ctx.storage().get_url(file)?;
    }
    let status = match entry.status {
        EntryStatus::Ready => FileStatus::Ready,
        EntryStatus::Pending => FileStatus::Processing,
        EntryStatus::Failed => FileStatus::Error,
    };
    let done = if entry.chunk_count > 0.0 { entry.chunks_done / entry.chunk_count } else { 0.0 };
    let extension = Some(extension(&entry.key)).filter(|extension| !extension.is_empty());
    let id = entry.id;
    let KnowledgeEntry { key, category, error, .. } = entry.fields;
    Ok(PublicFile {
        id,
        name: key,
        extension: extension.unwrap_or_else(|| "txt".to_owned()),
        size,
        status,
        url: Nullable(url),
        category,
        progress: (status == FileStatus::Processing).then_some(done),
        error,
    })
}

/// A number of bytes with one decimal at most, in units of 1,024.
fn human_size(bytes: f64) -> String {
    let mut size = bytes;
    let mut units = ["B", "KB", "MB", "GB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    format!("{} {unit}", (size * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::human_size;

    #[test]
    fn sizes_are_for_people() {
        for (bytes, text) in [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1024.0, "1 KB"),
            (1536.0, "1.5 KB"),
            (5.0 * 1024.0 * 1024.0, "5 MB"),
            (3.25 * 1024.0 * 1024.0 * 1024.0, "3.3 GB"),
        ] {
            assert_eq!(human_size(bytes), text);
        }
    }
}
