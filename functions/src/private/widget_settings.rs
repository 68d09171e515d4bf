//! `private/widgetSettings`: an operator sets up the widget.

use fusion_runtime::Result;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::{DefaultSuggestions, VapiSettings, WidgetSettings};
use fusion_schema::{Doc, Typed};

use crate::guards::Operator;
use crate::public::widget_settings::by_organization;

/// `private/widgetSettings`.
pub(crate) fn register(module: &mut crate::Module) {
    module.query("getOne", get_one).mutation("upsert", upsert);
}

/// The organisation's settings, if it has any.
fn get_one(ctx: &mut QueryCtx<'_>, (): ()) -> Result<Option<Doc<WidgetSettings>>> {
    let operator = Operator::of(ctx)?;
    by_organization(ctx, &operator.organization_id)
}

#[derive(Typed)]
struct UpsertSettings {
    greet_message: String,
    default_suggestions: DefaultSuggestions,
    vapi_settings: VapiSettings,
}

/// Sets the organisation's settings as a whole: what is left out of them is gone.
fn upsert(ctx: &mut MutationCtx<'_>, args: UpsertSettings) -> Result<()> {
    let organization_id = Operator::of(ctx)?.organization_id;
    let existing = by_organization(ctx, &organization_id)?;
    let UpsertSettings { greet_message, default_suggestions, vapi_settings } = args;
    let settings = WidgetSettings { organization_id, greet_message, default_suggestions, vapi_settings };
    match existing {
        Some(existing) => ctx.db().replace(existing.id, settings),
        None => ctx.db().insert(settings).map(drop),
    }
}
