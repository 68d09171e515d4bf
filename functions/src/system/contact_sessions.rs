//! `system/contactSessions`: reading and prolonging visitors' sessions.

use fusion_runtime::Result;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::{ContactSession, Conversation};
use fusion_schema::{Doc, Id, Nullable, PaginationOptions, Typed, object};

use crate::errors::{bad_request, not_found};

/// How long a session lasts, in milliseconds.
pub(crate) const SESSION_DURATION_MS: f64 = 24.0 * 60.0 * 60.0 * 1000.0;
/// A session with less than this left is prolonged when it is used, in milliseconds.
const REFRESH_THRESHOLD_MS: f64 = 4.0 * 60.0 * 60.0 * 1000.0;
/// How long a session that nobody talked in is kept after it ended, in milliseconds.
const KEPT_MS: f64 = 24.0 * 60.0 * 60.0 * 1000.0;
/// How many sessions one run of the cleanup looks at; a run that finds more is followed by another at once.
const PAGE: f64 = 1_000.0;

/// `system/contactSessions`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("refresh", refresh).query("getOne", get_one).mutation("cleanup", cleanup);
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

/// Where a cleanup goes on.
#[derive(Typed)]
struct CleanupArgs {
    cursor: Option<Nullable<String>>,
}

#[derive(Typed)]
struct Cleanup {
    deleted_count: f64,
}

/// Forgets sessions that ended more than a day ago without a conversation. Those with one go when it goes: by the
/// organisation's retention policy or by request.
fn cleanup(ctx: &mut MutationCtx<'_>, args: CleanupArgs) -> Result<Cleanup> {
    let latest = ctx.now() - KEPT_MS;
    let cursor = args.cursor.unwrap_or(Nullable(None));
    let page = ctx
        .db()
        .query::<ContactSession>()
        .index("by_expires_at")
        .lt("expiresAt", latest)
        .paginate(PaginationOptions { cursor, ..PaginationOptions::first(PAGE) })?;
    let mut deleted_count = 0.0;
    for session in page.page {
        let conversation = ctx
            .db()
            .query::<Conversation>()
            .index("by_contact_session_id")
            .eq("contactSessionId", session.id)
            .first()?;
        if conversation.is_none() {
            ctx.db().delete(session.id)?;
            deleted_count += 1.0;
        }
    }
    if !page.is_done {
        let rest = CleanupArgs { cursor: Some(Nullable(Some(page.continue_cursor))) };
        ctx.scheduler().run_after(0.0, "system/contactSessions:cleanup", rest)?;
    }
    Ok(Cleanup { deleted_count })
}
