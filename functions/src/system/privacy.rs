//! `system/privacy`: what privacy laws give people and organisations a right to.
//!
//! `exportOrganization`, `eraseContact` and `eraseOrganization` are actions that work in small steps. How far they came
//! is kept in `privacyRequests`; one that was cut off is taken up again by a cron or by asking again. A request that
//! erases forgets whom it was about when it is done.
//!
//! Deliberately absent: backups and snapshots made before, which are the operator's to erase.

mod erase;
mod export;

use fusion_runtime::Result;
use fusion_runtime::function::{ActionCtx, MutationCtx, QueryCtx};
use fusion_schema::tables::{PluginService, PrivacyRequest, PrivacyRequestKind, PrivacyRequestStatus};
use fusion_schema::{Doc, Id, Nullable, Typed, object};

use crate::errors::{bad_request, not_found};
use crate::services::Services;
use crate::system::secrets::{secret_name, store};

/// A request that did not go on for this long, in milliseconds, was cut off. No step takes nearly as long.
const CUT_OFF_MS: f64 = 5.0 * 60_000.0;
/// How long the files of an export are kept, in milliseconds.
const EXPORT_KEPT_MS: f64 = 7.0 * 24.0 * 3_600_000.0;
/// How many requests are looked at once.
const BATCH: usize = 100;

/// `system/privacy`.
pub(crate) fn register(module: &mut crate::Module) {
    module
        .action("exportOrganization", export_organization)
        .action("eraseContact", erase_contact)
        .confidential()
        .action("eraseOrganization", erase_organization)
        .action("resume", |ctx, args: RequestArgs| work(ctx, args.request_id))
        .mutation("begin", begin)
        .confidential()
        .query("get", get)
        .mutation("eraseStep", erase::step)
        .query("exportPage", export::page)
        .query("exportThread", export::thread)
        .mutation("saveExport", export::save)
        .mutation("dropOrphans", export::drop_orphans)
        .mutation("resumeAll", resume_all)
        .mutation("expire", expire);
}

/// Which request.
#[derive(Clone, Copy, Typed)]
pub(crate) struct RequestArgs {
    pub(crate) request_id: Id<PrivacyRequest>,
}

#[derive(Typed)]
struct OrganizationArgs {
    organization_id: String,
}

#[derive(Typed)]
struct ContactArgs {
    organization_id: String,
    email: String,
}

/// How a request ended.
#[derive(Typed)]
struct RequestResult {
    request_id: Id<PrivacyRequest>,
    status: PrivacyRequestStatus,
    /// How many documents were exported or erased.
    documents: f64,
    /// The files of an export, in order: one JSON object `{table, document}` per line.
    parts: Vec<PartResult>,
}

#[derive(Typed)]
struct PartResult {
    url: Nullable<String>,
    size: f64,
}

/// Writes everything an organisation has here to files that can be downloaded for a week. Keys of outside services are
/// not among it.
async fn export_organization(ctx: ActionCtx<Services>, args: OrganizationArgs) -> Result<RequestResult> {
    start(ctx, args.organization_id, PrivacyRequestKind::ExportOrganization, None).await
}

/// Forgets a person: every session of an organisation with this e-mail address, in whatever case it was typed, and with
/// it conversations, messages and files.
async fn erase_contact(ctx: ActionCtx<Services>, args: ContactArgs) -> Result<RequestResult> {
    let email = normalized(&args.email);
    if email.is_empty() {
        return Err(bad_request("Email address is empty"));
    }
    start(ctx, args.organization_id, PrivacyRequestKind::EraseContact, Some(email)).await
}

/// Forgets an organisation: visitors, conversations, knowledge, files, settings, keys.
async fn erase_organization(ctx: ActionCtx<Services>, args: OrganizationArgs) -> Result<RequestResult> {
    start(ctx, args.organization_id, PrivacyRequestKind::EraseOrganization, None).await
}

/// An address as it is compared.
fn normalized(email: &str) -> String {
    email.trim().to_lowercase()
}

async fn start(
    ctx: ActionCtx<Services>,
    organization_id: String,
    kind: PrivacyRequestKind,
    email: Option<String>,
) -> Result<RequestResult> {
    let id = ctx.run_mutation("system/privacy:begin", Begin { organization_id, kind, email }).await?;
    work(ctx, id).await
}

/// Goes on with a request until it is done.
async fn work(ctx: ActionCtx<Services>, request_id: Id<PrivacyRequest>) -> Result<RequestResult> {
    let args = RequestArgs { request_id };
    let request: Option<Doc<PrivacyRequest>> = ctx.run_query("system/privacy:get", args).await?;
    let request = request.ok_or_else(|| not_found("Request not found"))?;
    if request.status == PrivacyRequestStatus::Running {
        match request.kind {
            PrivacyRequestKind::ExportOrganization => export::run(&ctx, &request).await?,
            PrivacyRequestKind::EraseContact => {
                while !ctx.run_mutation("system/privacy:eraseStep", args).await? {}
            }
            PrivacyRequestKind::EraseOrganization => {
                // First, because the names follow from the organisation, which the last step forgets.
                let store = store(&ctx)?;
                let changing = ctx.services().secrets.changing().await;
                store.remove(&secret_name(&request.organization_id, PluginService::Vapi)).await?;
                drop(changing);
                while !ctx.run_mutation("system/privacy:eraseStep", args).await? {}
            }
        }
    }
    let request: Option<Doc<PrivacyRequest>> = ctx.run_query("system/privacy:get", args).await?;
    let request = request.ok_or_else(|| not_found("Request not found"))?;
    let parts = request.parts.iter().map(|part| {
        let url = ctx.storage().get_url(part.storage_id)?;
        Ok(PartResult { url: Nullable(url), size: part.size })
    });
    Ok(RequestResult {
        request_id,
        status: request.status,
        documents: request.documents,
        parts: parts.collect::<Result<_>>()?,
    })
}

/// What is asked for.
#[derive(Typed)]
struct Begin {
    organization_id: String,
    kind: PrivacyRequestKind,
    email: Option<String>,
}

/// Notes a request; the same one again, as long as it is not done, is the one that is there.
fn begin(ctx: &mut MutationCtx<'_>, args: Begin) -> Result<Id<PrivacyRequest>> {
    let Begin { organization_id, kind, email } = args;
    let known = ctx
        .db()
        .query::<PrivacyRequest>()
        .index("by_organization_id")
        .eq("organizationId", organization_id.as_str())
        .collect()?;
    let same = known.into_iter().find(|request| {
        request.status == PrivacyRequestStatus::Running && request.kind == kind && request.email == email
    });
    if let Some(same) = same {
        return Ok(same.id);
    }
    let updated_at = ctx.now();
    ctx.db().insert(PrivacyRequest {
        organization_id,
        kind,
        email,
        status: PrivacyRequestStatus::Running,
        stage: 0.0,
        cursor: None,
        documents: 0.0,
        parts: Vec::new(),
        updated_at,
    })
}

fn get(ctx: &mut QueryCtx<'_>, args: RequestArgs) -> Result<Option<Doc<PrivacyRequest>>> {
    ctx.db().get(args.request_id)
}

/// A request that is being worked on.
fn running(ctx: &mut MutationCtx<'_>, id: Id<PrivacyRequest>) -> Result<Doc<PrivacyRequest>> {
    let request = ctx.db().get(id)?.ok_or_else(|| not_found("Request not found"))?;
    if request.status == PrivacyRequestStatus::Done {
        return Err(bad_request("Request is done"));
    }
    Ok(request)
}

/// Takes up every request that was cut off.
fn resume_all(ctx: &mut MutationCtx<'_>, (): ()) -> Result<f64> {
    let latest = ctx.now() - CUT_OFF_MS;
    let cut_off = ctx
        .db()
        .query::<PrivacyRequest>()
        .index("by_status_and_updated_at")
        .eq("status", PrivacyRequestStatus::Running.encode())
        .lt("updatedAt", latest)
        .take(BATCH)?;
    let now = ctx.now();
    let count = cut_off.len() as f64;
    for request in cut_off {
        // Not once more before it had a chance.
        ctx.db().patch(request.id, object! { "updatedAt" => now })?;
        ctx.scheduler().run_after(0.0, "system/privacy:resume", RequestArgs { request_id: request.id })?;
    }
    Ok(count)
}

/// Forgets requests that were done a week ago, and the files of exports with them.
fn expire(ctx: &mut MutationCtx<'_>, (): ()) -> Result<f64> {
    let latest = ctx.now() - EXPORT_KEPT_MS;
    let old = ctx
        .db()
        .query::<PrivacyRequest>()
        .index("by_status_and_updated_at")
        .eq("status", PrivacyRequestStatus::Done.encode())
        .lt("updatedAt", latest)
        .take(BATCH)?;
    let count = old.len();
    for request in old {
        export::delete_files(ctx, &request)?;
        ctx.db().delete(request.id)?;
    }
    if count == BATCH {
        ctx.scheduler().run_after(0.0, "system/privacy:expire", ())?;
    }
    Ok(count as f64)
}
