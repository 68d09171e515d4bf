//! `private/conversations`: the conversations of the operator's organisation.

use fusion_runtime::Result;
use fusion_runtime::database::query::Order;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::{AgentMessage, ContactSession, Conversation, ConversationStatus};
use fusion_schema::{Doc, Id, Nullable, Page, PaginationOptions, Typed, object};

use crate::errors::not_found;
use crate::guards::Operator;
use crate::pages;

const OTHER_ORGANIZATION: &str = "Invalid Organization ID";
/// How many conversations a caller gets who does not say.
const PAGE_SIZE_DEFAULT: f64 = 100.0;

/// `private/conversations`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("updateStatus", update_status).query("getOne", get_one).query("getMany", get_many);
}

#[derive(Typed)]
struct UpdateStatus {
    conversation_id: Id<Conversation>,
    status: ConversationStatus,
}

/// Sets who has to act; any change is allowed.
fn update_status(ctx: &mut MutationCtx<'_>, args: UpdateStatus) -> Result<()> {
    let operator = Operator::of(ctx)?;
    let conversation = operator.conversation(ctx, args.conversation_id, OTHER_ORGANIZATION)?;
    ctx.db().patch(conversation.id, object! { "status" => args.status.encode() })
}

#[derive(Typed)]
struct ConversationArgs {
    conversation_id: Id<Conversation>,
}

#[derive(Typed)]
struct ConversationDetail {
    #[typed(rename = "_id")]
    id: Id<Conversation>,
    #[typed(rename = "_creationTime")]
    creation_time: f64,
    thread_id: String,
    organization_id: String,
    contact_session_id: Id<ContactSession>,
    status: ConversationStatus,
    contact_session: Doc<ContactSession>,
}

/// One conversation with the visitor's session.
fn get_one(ctx: &mut QueryCtx<'_>, args: ConversationArgs) -> Result<ConversationDetail> {
    let operator = Operator::of(ctx)?;
    let conversation = operator.conversation(ctx, args.conversation_id, OTHER_ORGANIZATION)?;
    let contact_session = ctx
        .db()
        .get(conversation.contact_session_id)?
        .ok_or_else(|| not_found("Contact Session not found"))?;
    let Doc { id, creation_time, fields } = conversation;
    let Conversation { thread_id, organization_id, contact_session_id, status } = fields;
    Ok(ConversationDetail {
        id,
        creation_time,
        thread_id,
        organization_id,
        contact_session_id,
        status,
        contact_session,
    })
}

/// Which conversations are wanted.
#[derive(Typed)]
enum StatusFilter {
    All,
    Unresolved,
    Escalated,
    Resolved,
}

/// The application's clients page and leave the status out for all; the documented form says "all" and
/// may leave the page out.
#[derive(Typed)]
struct ListConversations {
    pagination_opts: Option<PaginationOptions>,
    status: Option<StatusFilter>,
}

#[derive(Typed)]
struct ConversationItem {
    #[typed(rename = "_id")]
    id: Id<Conversation>,
    #[typed(rename = "_creationTime")]
    creation_time: f64,
    thread_id: String,
    organization_id: String,
    contact_session_id: Id<ContactSession>,
    status: ConversationStatus,
    last_message: Nullable<Doc<AgentMessage>>,
    contact_session: Doc<ContactSession>,
}

/// The organisation's conversations, newest first, each with its newest message and the visitor's session.
/// Conversations whose session is gone are left out, so a page may be shorter than asked for.
fn get_many(ctx: &mut QueryCtx<'_>, args: ListConversations) -> Result<Page<ConversationItem>> {
    let operator = Operator::of(ctx)?;
    let query = ctx.db().query::<Conversation>();
    let query = match args.status {
        None | Some(StatusFilter::All) => query.index("by_organization_id"),
        Some(status) => query.index("by_status_and_organization_id").eq("status", status.encode()),
    };
    let page = query
        .eq("organizationId", operator.organization_id)
        .order(Order::Desc)
        .paginate(args.pagination_opts.unwrap_or(PaginationOptions::first(PAGE_SIZE_DEFAULT)))?;
    let items = page.try_map(|conversation| {
        let Some(contact_session) = ctx.db().get(conversation.contact_session_id)? else { return Ok(None) };
        let last_message = pages::last_message(ctx, &conversation.thread_id)?;
        let Doc { id, creation_time, fields } = conversation;
        let Conversation { thread_id, organization_id, contact_session_id, status } = fields;
        fusion_runtime::Result::Ok(Some(ConversationItem {
            id,
            creation_time,
            thread_id,
            organization_id,
            contact_session_id,
            status,
            last_message,
            contact_session,
        }))
    })?;
    Ok(items.with_page(|page| page.into_iter().flatten().collect()))
}
