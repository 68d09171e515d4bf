//! `public/conversations`: a visitor's conversations.

use fusion_runtime::Result;
use fusion_runtime::database::query::Order;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::{AgentMessage, ContactSession, Conversation, ConversationStatus, MessageRole};
use fusion_schema::{Doc, Id, Nullable, Page, PaginationOptions, Typed};

use crate::errors::unauthorized;
use crate::guards::{own_conversation, visitor};
use crate::public::widget_settings::by_organization;
use crate::system::contact_sessions::SessionArgs;
use crate::system::rate_limits::{self, LimitKey};
use crate::{pages, threads};

/// What a conversation begins with where the organisation has not said.
const DEFAULT_GREETING: &str = "Hello, how can I help you today?";

/// `public/conversations`.
pub(crate) fn register(module: &mut crate::Module) {
    module.query("getMany", get_many).query("getOne", get_one).mutation("create", create);
}

#[derive(Typed)]
struct ListConversations {
    contact_session_id: Id<ContactSession>,
    pagination_opts: PaginationOptions,
}

/// A conversation in a visitor's list.
#[derive(Typed)]
struct ConversationItem {
    #[typed(rename = "_id")]
    id: Id<Conversation>,
    #[typed(rename = "_creationTime")]
    creation_time: f64,
    status: ConversationStatus,
    organization_id: String,
    thread_id: String,
    last_message: Nullable<Doc<AgentMessage>>,
}

/// The session's conversations, newest first, each with its newest message.
fn get_many(ctx: &mut QueryCtx<'_>, args: ListConversations) -> Result<Page<ConversationItem>> {
    let session = visitor(ctx, args.contact_session_id)?;
    let page = ctx
        .db()
        .query::<Conversation>()
        .index("by_contact_session_id")
        .eq("contactSessionId", session.id)
        .order(Order::Desc)
        .paginate(args.pagination_opts)?;
    page.try_map(|conversation| {
        let last_message = pages::last_message(ctx, &conversation.thread_id)?;
        let Doc { id, creation_time, fields } = conversation;
        let Conversation { status, organization_id, thread_id, .. } = fields;
        Ok(ConversationItem { id, creation_time, status, organization_id, thread_id, last_message })
    })
}

#[derive(Typed)]
struct GetConversation {
    conversation_id: Id<Conversation>,
    contact_session_id: Id<ContactSession>,
}

#[derive(Typed)]
struct ConversationState {
    #[typed(rename = "_id")]
    id: Id<Conversation>,
    status: ConversationStatus,
    thread_id: String,
}

/// One conversation of the session.
fn get_one(ctx: &mut QueryCtx<'_>, args: GetConversation) -> Result<ConversationState> {
    let session = visitor(ctx, args.contact_session_id)?;
    let conversation = ctx.db().get(args.conversation_id)?;
    let conversation = own_conversation(conversation, session.id)?;
    let Doc { id, fields, .. } = conversation;
    Ok(ConversationState { id, status: fields.status, thread_id: fields.thread_id })
}

#[derive(Typed)]
struct CreateConversation {
    organization_id: String,
    contact_session_id: Id<ContactSession>,
}

/// Begins a conversation with the organisation's greeting, in the session's own organisation.
fn create(ctx: &mut MutationCtx<'_>, args: CreateConversation) -> Result<Id<Conversation>> {
    let session = visitor(ctx, args.contact_session_id)?;
    if session.organization_id != args.organization_id {
        return Err(unauthorized("The session belongs to another organization"));
    }
    rate_limits::check(ctx, LimitKey::Conversations, &session.id.to_string())?;
    let _: Doc<ContactSession> =
        ctx.run_mutation("system/contactSessions:refresh", SessionArgs { contact_session_id: session.id })?;

    let greeting = by_organization(ctx, &args.organization_id)?
        .map(|settings| settings.fields.greet_message)
        .filter(|greeting| !greeting.is_empty())
        .unwrap_or_else(|| DEFAULT_GREETING.to_owned());
    let thread = threads::create(ctx, &args.organization_id)?;
    threads::append(ctx, AgentMessage::text(thread, 0.0, MessageRole::Assistant, greeting))?;
    ctx.db().insert(Conversation {
        thread_id: thread.to_string(),
        organization_id: args.organization_id,
        contact_session_id: session.id,
        status: ConversationStatus::Unresolved,
    })
}
