//! `system/contactSessions`: reading and prolonging visitors' sessions.

use fusion_runtime::Result;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::ContactSession;
use fusion_schema::{Doc, Id, Typed, object};

use crate::errors::{bad_request, not_found};

/// How long a session lasts, in milliseconds.
pub(crate) const SESSION_DURATION_MS: f64 = 24.0 * 60.0 * 60.0 * 1000.0;
/// A session with less than this left is prolonged when it is used, in milliseconds.
const REFRESH_THRESHOLD_MS: f64 = 4.0 * 60.0 * 60.0 * 1000.0;

/// `system/contactSessions`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("refresh", refresh).query("getOne", get_one);
}

/// Which session.
#[derive(Typed)]
pub(crate) struct SessionArgs {
    pub(crate) contact_session_id: Id<ContactSession>,
}

/// Prolongs a session that is about to end, and gives it as it now is.
fn refresh(ctx: &mut MutationCtx<'_>, args: SessionArgs) -> Result<Doc<ContactSession>> {
    let mut session =
        ctx.db().get(args.contact_session_id)?.ok_or_else(|| not_found("Contact session not found"))?;
    let now = ctx.now();
    if session.expires_at < now {
        return Err(bad_request("Contact session expired"));
    }
    if session.expires_at - now < REFRESH_THRESHOLD_MS {
        session.expires_at = now + SESSION_DURATION_MS;
        ctx.db().patch(session.id, object! { "expiresAt" => session.expires_at })?;
    }
    Ok(session)
}

/// A session, whether it has ended or not.
fn get_one(ctx: &mut QueryCtx<'_>, args: SessionArgs) -> Result<Option<Doc<ContactSession>>> {
    ctx.db().get(args.contact_session_id)
}
