//! `users`: the people who operate the dashboard.

use fusion_runtime::Result;
use fusion_runtime::function::{MutationCtx, QueryCtx};
use fusion_schema::tables::User;
use fusion_schema::{Doc, Id, Typed, Value};

use crate::errors::unauthorized;

/// `users`.
pub(crate) fn register(module: &mut crate::Module) {
    module.query("getMany", get_many).mutation("add", add);
}

/// All users; for anybody who is logged in.
fn get_many(ctx: &mut QueryCtx<'_>, (): ()) -> Result<Vec<Doc<User>>> {
    if ctx.identity()?.is_none() {
        return Err(unauthorized("Not authenticated"));
    }
    ctx.db().query().collect()
}

#[derive(Typed)]
struct AddUser {
    name: String,
}

/// Adds a user; for operators.
fn add(ctx: &mut MutationCtx<'_>, args: AddUser) -> Result<Id<User>> {
    let identity = ctx.identity()?.ok_or_else(|| unauthorized("Not authenticated"))?;
    let organization = identity.claim("orgId").and_then(Value::as_str).unwrap_or_default();
    if organization.is_empty() {
        return Err(unauthorized("Missing organization"));
    }
    ctx.db().insert(User { name: args.name })
}
