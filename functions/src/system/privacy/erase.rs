//! Erasing in steps: each is one transaction that goes on where the last one ended.

use fusion_runtime::Result;
use fusion_runtime::function::MutationCtx;
use fusion_schema::tables::{
    ContactSession, Conversation, KnowledgeEntry, Plugin, PrivacyRequest, PrivacyRequestKind,
    PrivacyRequestStatus, RetentionPolicy, Subscription, WidgetSettings,
};
use fusion_schema::{Doc, Nullable, Page, PaginationOptions, Table};

use super::{RequestArgs, export, normalized, running};
use crate::erasure::{self, Budget};
use crate::system::rate_limits::LimitKey;

/// How many documents one step may erase.
const BUDGET: usize = 400;
/// How many documents one step looks at.
const PAGE: f64 = 200.0;

/// What is gone through, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Sessions,
    /// Those whose session is gone.
    Conversations,
    /// Documents of the knowledge base with their passages and files.
    Knowledge,
    Settings,
}

/// The stages of forgetting a person and of forgetting an organisation.
const CONTACT: &[Stage] = &[Stage::Sessions];
const ORGANIZATION: &[Stage] = &[Stage::Sessions, Stage::Conversations, Stage::Knowledge, Stage::Settings];

/// Erases some more; true once all is gone.
pub(super) fn step(ctx: &mut MutationCtx<'_>, args: RequestArgs) -> Result<bool> {
    let mut request = running(ctx, args.request_id)?;
    let stages = match request.kind {
        PrivacyRequestKind::EraseContact => CONTACT,
        _ => ORGANIZATION,
    };
    let mut budget = Budget::new(BUDGET);
    if let Some(stage) = stages.get(request.stage as usize) {
        let is_done = match stage {
            Stage::Sessions => sessions(ctx, &mut request, &mut budget)?,
            Stage::Conversations => conversations(ctx, &mut request, &mut budget)?,
            Stage::Knowledge => knowledge(ctx, &mut request, &mut budget)?,
            Stage::Settings => settings(ctx, &request, &mut budget)?,
        };
        if is_done {
            request.stage += 1.0;
            request.cursor = None;
        }
    }
    let is_done = request.stage as usize >= stages.len();
    if is_done {
        request.status = PrivacyRequestStatus::Done;
        request.email = None;
    }
    request.documents += budget.erased as f64;
    request.updated_at = ctx.now();
    ctx.db().save(request)?;
    Ok(is_done)
}

/// The next page of an organisation's documents.
fn page<T: Table>(ctx: &mut MutationCtx<'_>, request: &Doc<PrivacyRequest>) -> Result<Page<Doc<T>>> {
    let cursor = Nullable(request.cursor.clone());
    ctx.db()
        .query::<T>()
        .index("by_organization_id")
        .eq("organizationId", request.organization_id.as_str())
        .paginate(PaginationOptions { cursor, ..PaginationOptions::first(PAGE) })
}

/// Goes through a page: false if the budget ended, and the page must be gone through again.
fn through<T: Table>(
    ctx: &mut MutationCtx<'_>,
    request: &mut Doc<PrivacyRequest>,
    budget: &mut Budget,
    mut erase: impl FnMut(&mut MutationCtx<'_>, &Doc<T>, &mut Budget) -> Result<bool>,
) -> Result<bool> {
    let page: Page<Doc<T>> = page(ctx, request)?;
    for document in &page.page {
        if budget.is_spent() || !erase(ctx, document, budget)? {
            return Ok(false);
        }
    }
    request.cursor = Some(page.continue_cursor);
    Ok(page.is_done)
}

fn sessions(
    ctx: &mut MutationCtx<'_>,
    request: &mut Doc<PrivacyRequest>,
    budget: &mut Budget,
) -> Result<bool> {
    let email = request.email.clone();
    through(ctx, request, budget, |ctx, session: &Doc<ContactSession>, budget| {
        let is_meant = email.as_ref().is_none_or(|email| normalized(&session.email) == *email);
        if is_meant { erasure::session(ctx, session, budget) } else { Ok(true) }
    })
}

fn conversations(
    ctx: &mut MutationCtx<'_>,
    request: &mut Doc<PrivacyRequest>,
    budget: &mut Budget,
) -> Result<bool> {
    through(ctx, request, budget, |ctx, conversation: &Doc<Conversation>, budget| {
        erasure::conversation(ctx, conversation, budget)
    })
}

fn knowledge(
    ctx: &mut MutationCtx<'_>,
    request: &mut Doc<PrivacyRequest>,
    budget: &mut Budget,
) -> Result<bool> {
    through(ctx, request, budget, |ctx, entry: &Doc<KnowledgeEntry>, budget| {
        erasure::knowledge_entry(ctx, entry, budget)
    })
}

/// What there are few of, at the end.
fn settings(ctx: &mut MutationCtx<'_>, request: &Doc<PrivacyRequest>, budget: &mut Budget) -> Result<bool> {
    let organization = request.organization_id.as_str();
    delete_all::<WidgetSettings>(ctx, organization, budget)?;
    delete_all::<Plugin>(ctx, organization, budget)?;
    delete_all::<Subscription>(ctx, organization, budget)?;
    delete_all::<RetentionPolicy>(ctx, organization, budget)?;
    erasure::rate_limits(ctx, LimitKey::Sessions, organization, budget)?;
    let others = ctx
        .db()
        .query::<PrivacyRequest>()
        .index("by_organization_id")
        .eq("organizationId", organization)
        .collect()?;
    for other in others.into_iter().filter(|other| other.id != request.id) {
        export::delete_files(ctx, &other)?;
        ctx.db().delete(other.id)?;
        budget.spend();
    }
    Ok(true)
}

fn delete_all<T: Table>(ctx: &mut MutationCtx<'_>, organization: &str, budget: &mut Budget) -> Result<()> {
    let found =
        ctx.db().query::<T>().index("by_organization_id").eq("organizationId", organization).collect()?;
    for document in found {
        ctx.db().delete(document.id)?;
        budget.spend();
    }
    Ok(())
}
