//! `public/organizations`: whether a widget belongs to anybody.

use fusion_runtime::Result;
use fusion_runtime::function::ActionCtx;
use fusion_schema::{LiteralBool, Typed};

use crate::services::organizations::{Clerk, Existence};
use crate::services::{Services, Settings};
use crate::system::organizations::OrganizationArgs;

/// `public/organizations`.
pub(crate) fn register(module: &mut crate::Module) {
    module.action("validate", validate);
}

#[derive(Typed)]
enum Validation {
    Valid { valid: LiteralBool<true> },
    Invalid { valid: LiteralBool<false>, reason: String },
}

impl Validation {
    fn invalid(reason: &str) -> Self {
        Self::Invalid { valid: LiteralBool, reason: reason.to_owned() }
    }
}

/// Whether an organisation exists. It never fails: a widget shows the reason.
async fn validate(ctx: ActionCtx<Services>, args: OrganizationArgs) -> Result<Validation> {
    let services = ctx.services();
    let clerk = Clerk::of(services, &mut Settings::new(&mut |name| ctx.env(name)))?;
    let id = &args.organization_id;
    let exists = match services.organizations.existence(clerk.as_ref(), id, ctx.now()).await {
        Ok(Existence::Known) => true,
        Ok(Existence::Unknown) => false,
        Ok(Existence::Local) => ctx.run_query("system/organizations:isKnown", args).await?,
        Err(error) => {
            fusion_runtime::log_error!(ctx, "{}", error.message());
            return Ok(Validation::invalid("Unable to verify organization"));
        }
    };
    Ok(if exists {
        Validation::Valid { valid: LiteralBool }
    } else {
        Validation::invalid("Organization not valid")
    })
}
