//! `public/messages`: what visitor and organisation say to each other.

use fusion_runtime::Result;
use fusion_runtime::function::{ActionCtx, QueryCtx};
use fusion_schema::tables::{AgentMessage, ContactSession, Conversation, ConversationStatus};
use fusion_schema::{Doc, Id, Page, PaginationOptions, Typed};

use crate::errors::bad_request;
use crate::guards::{own_conversation, valid_session, visitor};
use crate::services::Services;
use crate::system::ai::turns::{BeginTurn, Begun};
use crate::system::contact_sessions::SessionArgs;
use crate::system::conversations::{ThreadArgs, by_thread};
use crate::system::rate_limits::{CheckRateLimit, LimitKey};
use crate::{assistant, pages};

/// Longest message, in UTF-16 code units as a browser counts them.
const PROMPT_LENGTH_MAX: usize = 2000;

/// `public/messages`.
pub(crate) fn register(module: &mut crate::Module) {
    module.action("create", create).confidential().query("getMany", get_many);
}

#[derive(Typed)]
struct CreateMessage {
    prompt: String,
    thread_id: String,
    contact_session_id: Id<ContactSession>,
}

/// Says something in a conversation of the session. While it is unresolved the assistant answers; once it is
/// escalated the message waits for an operator.
async fn create(ctx: ActionCtx<Services>, args: CreateMessage) -> Result<()> {
    let CreateMessage { prompt, thread_id, contact_session_id } = args;
    let session: Option<Doc<ContactSession>> =
        ctx.run_query("system/contactSessions:getOne", SessionArgs { contact_session_id }).await?;
    let session = valid_session(session, ctx.now())?;
    ctx.run_mutation::<()>(
        "system/rateLimits:checkRateLimitInternal",
        CheckRateLimit { key: session.id.to_string(), limit_key: LimitKey::Messages },
    )
    .await?;
    let conversation: Option<Doc<Conversation>> = ctx
        .run_query("system/conversations:getByThreadId", ThreadArgs { thread_id: thread_id.clone() })
        .await?;
    let conversation = own_conversation(conversation, session.id)?;
    if prompt.encode_utf16().count() > PROMPT_LENGTH_MAX {
        return Err(bad_request("Message too long. Maximum 2000 characters."));
    }
    if conversation.status == ConversationStatus::Resolved {
        return Err(bad_request("Conversation resolved"));
    }
    let _: Doc<ContactSession> =
        ctx.run_mutation("system/contactSessions:refresh", SessionArgs { contact_session_id }).await?;

    let begun: Option<Begun> =
        ctx.run_mutation("system/ai/turns:begin", BeginTurn { thread_id, prompt }).await?;
    // An operator answers an escalated conversation, also one that became so a moment ago.
    match begun {
        Some(begun) => assistant::answer(&ctx, begun).await,
        None => Ok(()),
    }
}

#[derive(Typed)]
struct ListMessages {
    thread_id: String,
    pagination_opts: PaginationOptions,
    contact_session_id: Id<ContactSession>,
}

/// The messages of a conversation of the session, newest first.
fn get_many(ctx: &mut QueryCtx<'_>, args: ListMessages) -> Result<Page<Doc<AgentMessage>>> {
    let session = visitor(ctx, args.contact_session_id)?;
    let conversation = by_thread(ctx, &args.thread_id)?;
    own_conversation(conversation, session.id)?;
    pages::messages(ctx, &args.thread_id, args.pagination_opts)
}
