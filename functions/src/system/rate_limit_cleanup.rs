//! `system/rateLimitCleanup`: forgets what nobody counts any more.

use fusion_runtime::Result;
use fusion_runtime::function::MutationCtx;
use fusion_schema::Typed;
use fusion_schema::tables::RateLimit;

use super::rate_limits::WINDOW_MS_MAX;

/// How long entries are kept after their window began, in milliseconds.
const KEPT_MS: f64 = 24.0 * 60.0 * 60.0 * 1000.0;
/// How many entries one run looks at; a run that finds more is followed by another at once.
const BATCH: usize = 4_000;

/// `system/rateLimitCleanup`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("cleanup", cleanup);
}

#[derive(Typed)]
struct Cleanup {
    deleted_count: f64,
}

/// Deletes the entries of windows that began more than a day ago.
fn cleanup(ctx: &mut MutationCtx<'_>, (): ()) -> Result<Cleanup> {
    let oldest = ctx.now() - KEPT_MS;
    // An entry is created inside its window, so the order of creation leads to the old ones without reading the
    // others; on the border the window decides.
    let entries = ctx
        .db()
        .query::<RateLimit>()
        .index("by_creation_time")
        .lt("_creationTime", oldest + WINDOW_MS_MAX)
        .take(BATCH)?;
    let full = entries.len() == BATCH;
    let mut deleted_count = 0.0;
    for entry in entries.into_iter().filter(|entry| entry.window_start < oldest) {
        ctx.db().delete(entry.id)?;
        deleted_count += 1.0;
    }
    if full && deleted_count > 0.0 {
        ctx.scheduler().run_after(0.0, "system/rateLimitCleanup:cleanup", ())?;
    }
    Ok(Cleanup { deleted_count })
}
