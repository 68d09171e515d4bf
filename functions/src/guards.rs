//! Who may do what: visitors prove themselves by a session, operators by their organisation.

use std::sync::Arc;

use fusion_runtime::Result;
use fusion_runtime::auth::UserIdentity;
use fusion_runtime::function::QueryCtx;
use fusion_schema::tables::{ContactSession, Conversation};
use fusion_schema::{Doc, Id, Value};

use crate::errors::{not_found, unauthorized};
use crate::system::conversations::by_thread;

/// An operator: a verified user who acts for an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    /// Always from the token, never from arguments.
    pub(crate) organization_id: String,
    /// What their messages are signed with.
    pub(crate) family_name: Option<String>,
}

impl Operator {
    /// The operator a function is called by.
    pub(crate) fn of(ctx: &mut QueryCtx<'_>) -> Result<Self> {
        Self::from_identity(ctx.identity()?, "Identity not found")
    }

    /// The operator behind an identity; `nobody` is said to a caller without one.
    pub(crate) fn from_identity(identity: Option<Arc<UserIdentity>>, nobody: &str) -> Result<Self> {
        let identity = identity.ok_or_else(|| unauthorized(nobody))?;
        let text = |claim: &str| {
            let text = identity.claim(claim).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let organization_id = text("orgId").ok_or_else(|| unauthorized("Organization not found"))?;
        Ok(Self { organization_id, family_name: text("familyName") })
    }

    /// A conversation of the operator's organisation; `other` is said about one of another's.
    pub(crate) fn conversation(
        &self,
        ctx: &mut QueryCtx<'_>,
        id: Id<Conversation>,
        other: &str,
    ) -> Result<Doc<Conversation>> {
        let conversation = ctx.db().get(id)?;
        self.own(conversation, other)
    }

    /// The conversation of a thread, which must be of the operator's organisation.
    pub(crate) fn conversation_of_thread(
        &self,
        ctx: &mut QueryCtx<'_>,
        thread_id: &str,
    ) -> Result<Doc<Conversation>> {
        let conversation = by_thread(ctx, thread_id)?;
        self.own(conversation, "Invalid Organization ID")
    }

    pub(crate) fn own(
        &self,
        conversation: Option<Doc<Conversation>>,
        other: &str,
    ) -> Result<Doc<Conversation>> {
        let conversation = conversation.ok_or_else(|| not_found("Conversation not found"))?;
        if conversation.organization_id != self.organization_id {
            return Err(unauthorized(other));
        }
        Ok(conversation)
    }
}

/// The visitor's session if it exists and has not ended.
pub(crate) fn visitor(ctx: &mut QueryCtx<'_>, id: Id<ContactSession>) -> Result<Doc<ContactSession>> {
    let session = ctx.db().get(id)?;
    valid_session(session, ctx.now())
}

/// The session if it is there and has not ended at `now` (milliseconds since the epoch).
pub(crate) fn valid_session(session: Option<Doc<ContactSession>>, now: f64) -> Result<Doc<ContactSession>> {
    session.filter(|session| session.expires_at >= now).ok_or_else(|| unauthorized("Invalid session"))
}

/// The conversation if it is there and the visitor's own.
pub(crate) fn own_conversation(
    conversation: Option<Doc<Conversation>>,
    session: Id<ContactSession>,
) -> Result<Doc<Conversation>> {
    let conversation = conversation.ok_or_else(|| not_found("Conversation not found"))?;
    if conversation.contact_session_id != session {
        return Err(unauthorized("Incorrect session"));
    }
    Ok(conversation)
}
