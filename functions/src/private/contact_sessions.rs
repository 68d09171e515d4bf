//! `private/contactSessions`: who an operator talks to.

use fusion_runtime::Result;
use fusion_runtime::function::QueryCtx;
use fusion_schema::tables::{ContactSession, Conversation};
use fusion_schema::{Doc, Id, Typed};

use crate::guards::Operator;

/// `private/contactSessions`.
pub(crate) fn register(module: &mut crate::Module) {
    module.query("getOneByConversationId", get_one_by_conversation_id);
}

#[derive(Typed)]
struct ConversationArgs {
    conversation_id: Id<Conversation>,
}

/// The session behind a conversation; null if it is gone.
fn get_one_by_conversation_id(
    ctx: &mut QueryCtx<'_>,
    args: ConversationArgs,
) -> Result<Option<Doc<ContactSession>>> {
    let operator = Operator::from_identity(ctx.identity()?, "Unauthorized")?;
    let conversation = operator.conversation(ctx, args.conversation_id, "Invalid organization id")?;
    ctx.db().get(conversation.contact_session_id)
}
