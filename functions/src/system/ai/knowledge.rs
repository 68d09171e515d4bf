//! `system/ai/knowledge`: the documents of the knowledge base, their chunks and vectors.

use fusion_runtime::Result;
use fusion_runtime::function::{ActionCtx, MutationCtx, QueryCtx};
use fusion_schema::table::StoredFile;
use fusion_schema::tables::{EntryStatus, KnowledgeChunk, KnowledgeEntry, KnowledgeVector};
use fusion_schema::{Doc, Id, Typed, object};

use crate::errors::{bad_request, not_found};
use crate::knowledge::search::PASSAGES;
use crate::knowledge::{ENTRIES_MAX, embed, embedder, space};
use crate::services::Services;
use crate::services::embedding::BATCH;

const BY_KEY: &str = "by_organization_id_and_key";
const BY_ORDER: &str = "by_entry_id_and_order";
/// Most chunks one transaction deletes, each with its vector.
const DELETED_AT_ONCE: usize = 200;
/// How often making vectors may fail before the document is given up.
const FAILURES_MAX: f64 = 6.0;
/// The wait after the first failure, in milliseconds; it doubles with each one.
const FAILURE_DELAY_MS: f64 = 5_000.0;
/// A document nothing was done about for so long is looked after, in milliseconds. Longer than any single step takes.
const FORGOTTEN_MS: f64 = 15.0 * 60.0 * 1000.0;
/// Most documents that are looked after at once.
const TENDED_AT_ONCE: usize = 50;

const INTERRUPTED: &str = "Reading the file was interrupted. Upload it again.";

/// `system/ai/knowledge`.
pub(crate) fn register(module: &mut crate::Module) {
    module
        .query("find", find)
        .mutation("begin", begin)
        .mutation("store", store)
        .mutation("discard", discard)
        .query("batch", batch)
        .action("process", process)
        .mutation("storeVectors", store_vectors)
        .mutation("postpone", postpone)
        .mutation("deleteChunks", |ctx: &mut MutationCtx<'_>, args: EntryArgs| {
            delete_chunks(ctx, args.entry_id)
        })
        .query("passages", passages)
        .action("tend", tend)
        .mutation("revive", revive);
}

/// Which document.
#[derive(Typed)]
pub(crate) struct EntryArgs {
    pub(crate) entry_id: Id<KnowledgeEntry>,
}

/// What a model is given of each chunk: a passage alone may not say what it is about, the file's name often does.
pub(crate) fn titled(title: &str, texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| format!("{title}\n\n{text}")).collect()
}

/// A file that may already be there.
#[derive(Typed)]
pub(crate) struct Find {
    pub(crate) organization_id: String,
    pub(crate) key: String,
    pub(crate) content_hash: String,
}

/// A document and its file.
#[derive(Typed)]
pub(crate) struct Found {
    pub(crate) entry_id: Id<KnowledgeEntry>,
    pub(crate) storage_id: Option<Id<StoredFile>>,
}

fn same_key(ctx: &mut QueryCtx<'_>, organization_id: &str, key: &str) -> Result<Vec<Doc<KnowledgeEntry>>> {
    ctx.db().query().index(BY_KEY).eq("organizationId", organization_id).eq("key", key).collect()
}

/// The ready document of the same name with the same content.
fn find(ctx: &mut QueryCtx<'_>, args: Find) -> Result<Option<Found>> {
    let entries = same_key(ctx, &args.organization_id, &args.key)?;
    let found = entries
        .into_iter()
        .find(|entry| entry.status == EntryStatus::Ready && entry.content_hash == args.content_hash);
    Ok(found.map(|entry| Found { entry_id: entry.id, storage_id: entry.fields.storage_id }))
}

/// A document to be.
#[derive(Typed)]
pub(crate) struct Begin {
    pub(crate) organization_id: String,
    pub(crate) key: String,
    pub(crate) content_hash: String,
    pub(crate) mime_type: String,
    pub(crate) storage_id: Id<StoredFile>,
    pub(crate) category: Option<String>,
    pub(crate) model: String,
}

/// Adds a document that is being read.
fn begin(ctx: &mut MutationCtx<'_>, args: Begin) -> Result<Id<KnowledgeEntry>> {
    let others = ctx
        .db()
        .query::<KnowledgeEntry>()
        .index("by_organization_id")
        .eq("organizationId", args.organization_id.as_str())
        .take(ENTRIES_MAX)?;
    if others.len() == ENTRIES_MAX {
        return Err(bad_request(&format!(
            "The knowledge base has {ENTRIES_MAX} files, which is as many as it takes. Delete some first."
        )));
    }
    let touched_at = ctx.now();
    ctx.db().insert(KnowledgeEntry {
        organization_id: args.organization_id,
        key: args.key,
        status: EntryStatus::Pending,
        content_hash: args.content_hash,
        mime_type: args.mime_type,
        storage_id: Some(args.storage_id),
        category: args.category,
        chunk_count: 0.0,
        chunks_done: 0.0,
        model: args.model,
        touched_at,
        failures: 0.0,
        error: None,
    })
}

/// Chunks of a document.
#[derive(Typed)]
pub(crate) struct Store {
    pub(crate) entry_id: Id<KnowledgeEntry>,
    /// The place of the first one.
    pub(crate) first: f64,
    pub(crate) texts: Vec<String>,
    /// Their vectors, if they are all there is.
    pub(crate) vectors: Option<Vec<Vec<f64>>>,
    /// The model that made the vectors.
    pub(crate) model: String,
    /// How many chunks the document has.
    pub(crate) total: f64,
}

/// Stores chunks. With the last ones the document is ready if they have vectors, else these begin to be made.
fn store(ctx: &mut MutationCtx<'_>, args: Store) -> Result<()> {
    let mut entry = pending(ctx, args.entry_id)?.ok_or_else(|| not_found("Entry not found"))?;
    let end = args.first + args.texts.len() as f64;
    let space = space(&entry.organization_id, &args.model);
    let mut vectors = args.vectors.map(Vec::into_iter);
    for (place, text) in args.texts.into_iter().enumerate() {
        let vector = vectors.as_mut().and_then(Iterator::next);
        let vector_id = match vector {
            Some(embedding) => Some(ctx.db().insert(KnowledgeVector { space: space.clone(), embedding })?),
            None => None,
        };
        let order = args.first + place as f64;
        ctx.db().insert(KnowledgeChunk { entry_id: entry.id, order, text, vector_id })?;
    }
    entry.chunk_count = args.total;
    entry.touched_at = ctx.now();
    if vectors.is_some() {
        entry.chunks_done = end;
        entry.model = args.model;
    }
    let entry_id = entry.id;
    if end < args.total {
        return ctx.db().save(entry);
    }
    if vectors.is_some() {
        return promote(ctx, entry);
    }
    ctx.db().save(entry)?;
    ctx.scheduler().run_after(0.0, "system/ai/knowledge:process", EntryArgs { entry_id })?;
    Ok(())
}

fn pending(ctx: &mut MutationCtx<'_>, id: Id<KnowledgeEntry>) -> Result<Option<Doc<KnowledgeEntry>>> {
    Ok(ctx.db().get(id)?.filter(|entry| entry.status == EntryStatus::Pending))
}

/// Makes a document ready, in the place of others of the same name.
fn promote(ctx: &mut MutationCtx<'_>, mut entry: Doc<KnowledgeEntry>) -> Result<()> {
    let others = same_key(ctx, &entry.organization_id, &entry.key)?;
    for other in others {
        // One that was begun later is still to take this one's place.
        let later = other.status == EntryStatus::Pending && other.creation_time > entry.creation_time;
        if other.id != entry.id && !later {
            remove(ctx, &other)?;
        }
    }
    entry.status = EntryStatus::Ready;
    entry.failures = 0.0;
    entry.error = None;
    ctx.db().save(entry)
}

/// Removes a document with its file; what it has of chunks and vectors goes by and by, and is not found any more.
pub(crate) fn remove(ctx: &mut MutationCtx<'_>, entry: &Doc<KnowledgeEntry>) -> Result<()> {
    if let Some(file) = entry.storage_id {
        delete_file(ctx, file)?;
    }
    ctx.db().delete(entry.id)?;
    delete_chunks(ctx, entry.id)
}

fn delete_file(ctx: &mut MutationCtx<'_>, file: Id<StoredFile>) -> Result<()> {
    if ctx.storage().get_metadata(file)?.is_some() {
        ctx.storage().delete(file)?;
    }
    Ok(())
}

/// Deletes chunks and vectors of a document that is gone or given up; a run that finds more is followed by another.
fn delete_chunks(ctx: &mut MutationCtx<'_>, entry_id: Id<KnowledgeEntry>) -> Result<()> {
    let query = ctx.db().query::<KnowledgeChunk>().index(BY_ORDER).eq("entryId", entry_id);
    let chunks = query.take(DELETED_AT_ONCE)?;
    let full = chunks.len() == DELETED_AT_ONCE;
    for chunk in chunks {
        if let Some(vector) = chunk.vector_id {
            ctx.db().delete(vector)?;
        }
        ctx.db().delete(chunk.id)?;
    }
    if full {
        ctx.scheduler().run_after(0.0, "system/ai/knowledge:deleteChunks", EntryArgs { entry_id })?;
    }
    Ok(())
}

/// A document that could not be added.
#[derive(Typed)]
pub(crate) struct Discard {
    pub(crate) entry_id: Option<Id<KnowledgeEntry>>,
    pub(crate) storage_id: Id<StoredFile>,
}

/// Takes away what there is of a document that could not be added.
fn discard(ctx: &mut MutationCtx<'_>, args: Discard) -> Result<()> {
    let entry = match args.entry_id {
        Some(id) => ctx.db().get(id)?,
        None => None,
    };
    if let Some(entry) = entry {
        remove(ctx, &entry)?;
    }
    delete_file(ctx, args.storage_id)
}

/// The next chunks that need vectors.
#[derive(Typed)]
struct Batch {
    title: String,
    first: f64,
    texts: Vec<String>,
}

fn batch(ctx: &mut QueryCtx<'_>, args: EntryArgs) -> Result<Option<Batch>> {
    let Some(entry) = ctx.db().get(args.entry_id)? else { return Ok(None) };
    if entry.status != EntryStatus::Pending {
        return Ok(None);
    }
    let first = entry.chunks_done;
    let query =
        ctx.db().query::<KnowledgeChunk>().index(BY_ORDER).eq("entryId", entry.id).gte("order", first);
    let chunks = query.take(BATCH)?;
    let texts = chunks.into_iter().map(|chunk| chunk.fields.text).collect();
    Ok(Some(Batch { title: entry.fields.key, first, texts }))
}

/// Makes the next vectors of a document.
async fn process(ctx: ActionCtx<Services>, args: EntryArgs) -> Result<()> {
    let entry_id = args.entry_id;
    let Some(batch) = ctx.run_query::<Option<Batch>>("system/ai/knowledge:batch", args).await? else {
        return Ok(());
    };
    let embedder = embedder(&ctx)?;
    let Batch { title, first, texts } = batch;
    match embed(&ctx, &*embedder, &titled(&title, &texts)).await {
        Ok(vectors) => {
            let store = StoreVectors { entry_id, first, vectors, model: embedder.model() };
            ctx.run_mutation("system/ai/knowledge:storeVectors", store).await
        }
        Err(failure) => {
            let error = failure.to_string();
            ctx.run_mutation("system/ai/knowledge:postpone", Postpone { entry_id, error }).await
        }
    }
}

/// Vectors of chunks that are stored.
#[derive(Typed)]
struct StoreVectors {
    entry_id: Id<KnowledgeEntry>,
    first: f64,
    vectors: Vec<Vec<f64>>,
    model: String,
}

/// Stores vectors. With the last ones the document is ready, else the next ones are made.
fn store_vectors(ctx: &mut MutationCtx<'_>, args: StoreVectors) -> Result<()> {
    let entry = pending(ctx, args.entry_id)?;
    let Some(mut entry) = entry.filter(|entry| entry.chunks_done == args.first) else { return Ok(()) };
    let entry_id = entry.id;
    if args.vectors.is_empty() {
        return give_up(ctx, entry, INTERRUPTED);
    }
    entry.touched_at = ctx.now();
    if entry.model != args.model && args.first > 0.0 {
        // The model was changed on the way; vectors of two models cannot be compared.
        entry.model = args.model;
        entry.chunks_done = 0.0;
    } else {
        let space = space(&entry.organization_id, &args.model);
        let query = ctx.db().query::<KnowledgeChunk>().index(BY_ORDER);
        let chunks = query.eq("entryId", entry_id).gte("order", args.first).take(args.vectors.len())?;
        for (chunk, embedding) in chunks.into_iter().zip(args.vectors) {
            if let Some(former) = chunk.vector_id {
                ctx.db().delete(former)?;
            }
            let vector_id = ctx.db().insert(KnowledgeVector { space: space.clone(), embedding })?;
            ctx.db().patch(chunk.id, object! { "vectorId" => vector_id })?;
            entry.chunks_done += 1.0;
        }
        entry.model = args.model;
        entry.failures = 0.0;
        if entry.chunks_done >= entry.chunk_count {
            return promote(ctx, entry);
        }
    }
    ctx.db().save(entry)?;
    ctx.scheduler().run_after(0.0, "system/ai/knowledge:process", EntryArgs { entry_id })?;
    Ok(())
}

/// Vectors that could not be made.
#[derive(Typed)]
struct Postpone {
    entry_id: Id<KnowledgeEntry>,
    error: String,
}

/// Tries again later, or gives the document up.
fn postpone(ctx: &mut MutationCtx<'_>, args: Postpone) -> Result<()> {
    let Some(mut entry) = pending(ctx, args.entry_id)? else { return Ok(()) };
    entry.failures += 1.0;
    if entry.failures >= FAILURES_MAX {
        return give_up(ctx, entry, &args.error);
    }
    let delay = FAILURE_DELAY_MS * 2_f64.powf(entry.failures - 1.0);
    entry.touched_at = ctx.now();
    entry.error = Some(args.error);
    ctx.db().save(entry)?;
    ctx.scheduler().run_after(delay, "system/ai/knowledge:process", EntryArgs { entry_id: args.entry_id })?;
    Ok(())
}

/// Keeps of a document only that it was there, and why it is not found.
fn give_up(ctx: &mut MutationCtx<'_>, mut entry: Doc<KnowledgeEntry>, error: &str) -> Result<()> {
    if let Some(file) = entry.storage_id.take() {
        delete_file(ctx, file)?;
    }
    entry.status = EntryStatus::Failed;
    entry.error = Some(error.to_owned());
    let entry_id = entry.id;
    ctx.db().save(entry)?;
    delete_chunks(ctx, entry_id)
}

/// What a search found.
#[derive(Typed)]
pub(crate) struct GetPassages {
    pub(crate) organization_id: String,
    /// The vectors, best first.
    pub(crate) vector_ids: Vec<Id<KnowledgeVector>>,
}

/// A passage of a document.
#[derive(Typed)]
pub(crate) struct FoundPassage {
    pub(crate) title: String,
    pub(crate) text: String,
}

/// The first passages behind the vectors whose documents are ready.
fn passages(ctx: &mut QueryCtx<'_>, args: GetPassages) -> Result<Vec<FoundPassage>> {
    let mut found = Vec::new();
    for vector in args.vector_ids {
        let query = ctx.db().query::<KnowledgeChunk>().index("by_vector_id").eq("vectorId", vector);
        let Some(chunk) = query.first()? else { continue };
        let Some(entry) = ctx.db().get(chunk.entry_id)? else { continue };
        if entry.status == EntryStatus::Ready && entry.organization_id == args.organization_id {
            found.push(FoundPassage { title: entry.fields.key, text: chunk.fields.text });
        }
        if found.len() == PASSAGES {
            break;
        }
    }
    Ok(found)
}

/// Looks after documents: those whose reading was interrupted, and those whose vectors are of another model than the
/// one that is now in use.
async fn tend(ctx: ActionCtx<Services>, (): ()) -> Result<()> {
    let model = embedder(&ctx)?.model();
    ctx.run_mutation("system/ai/knowledge:revive", Revive { model }).await
}

/// The model that is now in use.
#[derive(Typed)]
struct Revive {
    model: String,
}

fn revive(ctx: &mut MutationCtx<'_>, args: Revive) -> Result<()> {
    let forgotten = ctx.now() - FORGOTTEN_MS;
    let query = ctx.db().query::<KnowledgeEntry>().index("by_status_and_touched_at");
    let forgotten = query.eq("status", "pending").lt("touchedAt", forgotten).take(TENDED_AT_ONCE)?;
    let now = ctx.now();
    for mut entry in forgotten {
        if entry.chunk_count == 0.0 {
            give_up(ctx, entry, INTERRUPTED)?;
            continue;
        }
        let entry_id = entry.id;
        entry.touched_at = now;
        ctx.db().save(entry)?;
        ctx.scheduler().run_after(0.0, "system/ai/knowledge:process", EntryArgs { entry_id })?;
    }

    let by_model = |ctx: &mut MutationCtx<'_>, greater: bool| {
        let query = ctx.db().query::<KnowledgeEntry>().index("by_status_and_model").eq("status", "ready");
        let model = args.model.as_str();
        let query = if greater { query.gt("model", model) } else { query.lt("model", model) };
        query.take(TENDED_AT_ONCE)
    };
    let mut outdated = by_model(ctx, false)?;
    outdated.extend(by_model(ctx, true)?);
    for mut entry in outdated {
        let entry_id = entry.id;
        entry.status = EntryStatus::Pending;
        entry.chunks_done = 0.0;
        entry.touched_at = now;
        ctx.db().save(entry)?;
        ctx.scheduler().run_after(0.0, "system/ai/knowledge:process", EntryArgs { entry_id })?;
    }
    Ok(())
}
