//! Forgetting what visitors said: a conversation with its thread, its messages and their files, a session with all its
//! conversations. A transaction can only do so much, so each step has a [`Budget`], and is repeated until all is gone.

use fusion_runtime::Result;
use fusion_runtime::function::MutationCtx;
use fusion_schema::Doc;
use fusion_schema::table::StoredFile;
use fusion_schema::tables::{
    AgentMessage, AgentThread, ContactSession, Conversation, KnowledgeChunk, KnowledgeEntry, RateLimit,
};

use crate::system::ai::knowledge;
use crate::system::rate_limits::LimitKey;

/// How many messages are read at once; one may be as large as a document can be.
const MESSAGES_AT_ONCE: usize = 64;
/// How many parts of a document are read at once.
const CHUNKS_AT_ONCE: usize = 100;

/// How much a transaction may still forget.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
    /// How many documents were forgotten.
    pub(crate) erased: usize,
}

impl Budget {
    /// So many documents.
    pub(crate) const fn new(documents: usize) -> Self {
        Self { left: documents, erased: 0 }
    }

    /// Counts a document.
    pub(crate) const fn spend(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.erased += 1;
    }

    /// Whether nothing more may be forgotten in this transaction.
    pub(crate) const fn is_spent(&self) -> bool {
        self.left == 0
    }
}

/// Forgets a conversation; false if the budget did not suffice.
pub(crate) fn conversation(
    ctx: &mut MutationCtx<'_>,
    conversation: &Doc<Conversation>,
    budget: &mut Budget,
) -> Result<bool> {
    if let Some(thread) = ctx.db().normalize_id::<AgentThread>(&conversation.thread_id) {
        loop {
            let messages: Vec<Doc<AgentMessage>> = ctx
                .db()
                .query()
                .index("by_thread_id_and_order")
                .eq("threadId", thread)
                .take(MESSAGES_AT_ONCE)?;
            if messages.is_empty() {
                break;
            }
            for message in messages {
                if budget.is_spent() {
                    return Ok(false);
                }
                for file in message.file_ids.iter().flatten() {
                    delete_file(ctx, file)?;
                }
                ctx.db().delete(message.id)?;
                budget.spend();
            }
        }
        if ctx.db().get(thread)?.is_some() {
            ctx.db().delete(thread)?;
            budget.spend();
        }
    }
    ctx.db().delete(conversation.id)?;
    budget.spend();
    Ok(true)
}

/// Forgets a session with all its conversations; false if the budget did not suffice.
pub(crate) fn session(
    ctx: &mut MutationCtx<'_>,
    session: &Doc<ContactSession>,
    budget: &mut Budget,
) -> Result<bool> {
    loop {
        let next = ctx
            .db()
            .query::<Conversation>()
            .index("by_contact_session_id")
            .eq("contactSessionId", session.id)
            .first()?;
        let Some(next) = next else { break };
        if budget.is_spent() || !conversation(ctx, &next, budget)? {
            return Ok(false);
        }
    }
    let id = session.id.to_string();
    for limit in [LimitKey::Messages, LimitKey::Conversations] {
        rate_limits(ctx, limit, &id, budget)?;
    }
    ctx.db().delete(session.id)?;
    budget.spend();
    Ok(true)
}

/// Forgets how often something was done lately.
pub(crate) fn rate_limits(
    ctx: &mut MutationCtx<'_>,
    limit: LimitKey,
    key: &str,
    budget: &mut Budget,
) -> Result<()> {
    let key = limit.row_key(key);
    let entries =
        ctx.db().query::<RateLimit>().index("by_key_and_window").eq("key", key.as_str()).collect()?;
    for entry in entries {
        ctx.db().delete(entry.id)?;
        budget.spend();
    }
    Ok(())
}

/// Forgets a document of the knowledge base with its file, its parts and their vectors; false if the budget did not
/// suffice.
pub(crate) fn knowledge_entry(
    ctx: &mut MutationCtx<'_>,
    entry: &Doc<KnowledgeEntry>,
    budget: &mut Budget,
) -> Result<bool> {
    loop {
        let chunks: Vec<Doc<KnowledgeChunk>> =
            ctx.db().query().index("by_entry_id_and_order").eq("entryId", entry.id).take(CHUNKS_AT_ONCE)?;
        if chunks.is_empty() {
            break;
        }
        for chunk in chunks {
            if budget.is_spent() {
                return Ok(false);
            }
            if let Some(vector) = chunk.vector_id
                && ctx.db().get(vector)?.is_some()
            {
                ctx.db().delete(vector)?;
                budget.spend();
            }
            ctx.db().delete(chunk.id)?;
            budget.spend();
        }
    }
    knowledge::remove(ctx, entry)?;
    budget.spend();
    Ok(true)
}

/// Deletes a stored file, if `id` is one that is there.
pub(crate) fn delete_file(ctx: &mut MutationCtx<'_>, id: &str) -> Result<()> {
    let Some(id) = ctx.db().system().normalize_id::<StoredFile>(id) else { return Ok(()) };
    if ctx.storage().get_metadata(id)?.is_some() {
        ctx.storage().delete(id)?;
    }
    Ok(())
}
