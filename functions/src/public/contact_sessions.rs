//! `public/contactSessions`: a visitor says who they are.

use fusion_runtime::Result;
use fusion_runtime::function::MutationCtx;
use fusion_schema::tables::{ContactMetadata, ContactSession};
use fusion_schema::{Doc, Id, LiteralBool, Typed};

use crate::errors::bad_request;
use crate::system::contact_sessions::{SESSION_DURATION_MS, SessionArgs};
use crate::system::rate_limits::{self, LimitKey};

/// Longest name, in UTF-16 code units as a browser counts them.
const NAME_LENGTH_MAX: usize = 100;
/// Longest e-mail address, in UTF-16 code units.
const EMAIL_LENGTH_MAX: usize = 254;

/// `public/contactSessions`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("create", create).confidential().mutation("validate", validate);
}

#[derive(Typed)]
struct CreateSession {
    name: String,
    email: String,
    organization_id: String,
    metadata: Option<ContactMetadata>,
}

/// Opens a session for a day.
fn create(ctx: &mut MutationCtx<'_>, args: CreateSession) -> Result<Id<ContactSession>> {
    let name_length = args.name.trim().encode_utf16().count();
    if name_length == 0 || name_length > NAME_LENGTH_MAX {
        return Err(bad_request("Name must be between 1 and 100 characters"));
    }
    if args.email.encode_utf16().count() > EMAIL_LENGTH_MAX {
        return Err(bad_request("Email address too long"));
    }
    rate_limits::check(ctx, LimitKey::Sessions, &args.organization_id)?;
    let expires_at = ctx.now() + SESSION_DURATION_MS;
    ctx.db().insert(ContactSession {
        name: args.name,
        email: args.email,
        organization_id: args.organization_id,
        expires_at,
        metadata: args.metadata,
    })
}

#[derive(Typed)]
enum Validation {
    Valid { valid: LiteralBool<true>, contact_session: Box<Doc<ContactSession>> },
    Invalid { valid: LiteralBool<false>, reason: String },
}

impl Validation {
    fn invalid(reason: &str) -> Self {
        Self::Invalid { valid: LiteralBool, reason: reason.to_owned() }
    }
}

/// Whether a session a widget remembers can still be used.
fn validate(ctx: &mut MutationCtx<'_>, args: SessionArgs) -> Result<Validation> {
    let Some(session) = ctx.db().get(args.contact_session_id)? else {
        return Ok(Validation::invalid("Contact session not found"));
    };
    if session.expires_at < ctx.now() {
        return Ok(Validation::invalid("Contact session expired"));
    }
    Ok(Validation::Valid { valid: LiteralBool, contact_session: Box::new(session) })
}
