//! `system/services`: which services of this deployment are real and which are built in.

use fusion_runtime::Result;
use fusion_runtime::function::QueryCtx;

use crate::services::{self, ServiceStatus, Settings};

/// `system/services`.
pub(crate) fn register(module: &mut crate::Module) {
    module.query("list", list);
}

/// Every service, as the environment variables now choose it. Keys are never shown.
fn list(ctx: &mut QueryCtx<'_>, (): ()) -> Result<Vec<ServiceStatus>> {
    Ok(services::status(&mut Settings::new(&mut |name| ctx.env(name))))
}
