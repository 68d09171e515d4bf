//! Fusion Chat: visitors of a website talk to an assistant and to the operators of the organisation behind it.
//!
//! The folder says who may call: [`public`] is for the visitors' widget, which has a session instead of a login;
//! [`private`] is for operators, whose verified identity names their organisation; [`system`] is for other
//! functions only. Outside services are reached through [`services::Services`], from actions alone.
//!
//! Deliberately absent: the database, the server, and anything that knows which client calls.

mod assistant;
mod erasure;
mod errors;
mod guards;
mod knowledge;
mod pages;
mod private;
mod public;
pub mod services;
mod subscriptions;
mod system;
mod threads;
mod users;
mod webhook;

use fusion_runtime::function::{Application, Schedule, Visibility};
use fusion_schema::Object;

use services::Services;

pub use public::sign_in::clerk_host;

/// The application's name, as `--app` takes it.
pub const NAME: &str = "fusion-chat";

/// The internal mutation that fills an empty deployment with the demo organisation; it may run any number of
/// times.
pub const DEMO_SEED: &str = "system/demo:seed";

/// The environment variable with the URL of the issuer (Clerk's, say) whose tokens sign operators in. A token names their
/// organisation in the claim `orgId`.
pub const ISSUER_VARIABLE: &str = "CLERK_JWT_ISSUER_DOMAIN";

/// The environment variable with the id under which the issuer knows the operators' pages. Tokens may be for it, too.
pub const CLIENT_VARIABLE: &str = "OIDC_CLIENT_ID";

/// The environment variable with Clerk's publishable key, if Clerk's own script is to sign operators in.
pub const CLERK_KEY_VARIABLE: &str = "CLERK_PUBLISHABLE_KEY";

/// Whom these tokens are for.
pub const AUDIENCE: &str = "convex";

/// The internal query that tells which outside services are real and which are built in: a list of objects with
/// `service`, `mode` (`real`, `embedded` or `misconfigured`) and `detail`.
pub const SERVICES: &str = "system/services:list";

/// Fusion Chat with all its functions, crons and tables.
pub fn application(services: Services) -> Application {
    let mut app = Application::new(NAME).schema(fusion_schema::tables::schema());
    for (path, visibility, register) in MODULES {
        app.module(path, *visibility, services.clone(), register);
    }
    app.http(services, webhook::register);
    for (name, schedule, path) in crons() {
        app.cron(name, schedule, path, Object::new());
    }
    app
}

/// What runs again and again: names, when, and which function.
fn crons() -> [(&'static str, Schedule, &'static str); 7] {
    [
        ("clean up expired rate limit entries", Schedule::hourly(0), "system/rateLimitCleanup:cleanup"),
        ("look after the knowledge base", Schedule::minutes(5), "system/ai/knowledge:tend"),
        ("clean up webhook deliveries", Schedule::hourly(10), "system/subscriptions:cleanup"),
        ("clean up expired sessions", Schedule::hourly(20), "system/contactSessions:cleanup"),
        ("apply retention policies", Schedule::hourly(30), "system/retention:apply"),
        ("clean up privacy requests", Schedule::hourly(40), "system/privacy:expire"),
        ("resume privacy requests", Schedule::minutes(5), "system/privacy:resumeAll"),
    ]
}

type Module = fusion_runtime::function::Module<Services>;

/// A module's path, who may call its functions, and what fills its table of functions.
type ModuleEntry = (&'static str, Visibility, fn(&mut Module));

/// Every module.
const MODULES: &[ModuleEntry] = &[
    ("public/contactSessions", Visibility::Public, public::contact_sessions::register),
    ("public/conversations", Visibility::Public, public::conversations::register),
    ("public/messages", Visibility::Public, public::messages::register),
    ("public/organizations", Visibility::Public, public::organizations::register),
    ("public/secrets", Visibility::Public, public::secrets::register),
    ("public/signIn", Visibility::Public, public::sign_in::register),
    ("public/widgetSettings", Visibility::Public, public::widget_settings::register),
    ("users", Visibility::Public, users::register),
    ("private/contactSessions", Visibility::Public, private::contact_sessions::register),
    ("private/conversations", Visibility::Public, private::conversations::register),
    ("private/files", Visibility::Public, private::files::register),
    ("private/messages", Visibility::Public, private::messages::register),
    ("private/plugins", Visibility::Public, private::plugins::register),
    ("private/retention", Visibility::Public, private::retention::register),
    ("private/secrets", Visibility::Public, private::secrets::register),
    ("private/vapi", Visibility::Public, private::vapi::register),
    ("private/widgetSettings", Visibility::Public, private::widget_settings::register),
    ("system/ai/knowledge", Visibility::Internal, system::ai::knowledge::register),
    ("system/ai/turns", Visibility::Internal, system::ai::turns::register),
    ("system/contactSessions", Visibility::Internal, system::contact_sessions::register),
    ("system/conversations", Visibility::Internal, system::conversations::register),
    ("system/demo", Visibility::Internal, system::demo::register),
    ("system/organizations", Visibility::Internal, system::organizations::register),
    ("system/plugins", Visibility::Internal, system::plugins::register),
    ("system/privacy", Visibility::Internal, system::privacy::register),
    ("system/rateLimitCleanup", Visibility::Internal, system::rate_limit_cleanup::register),
    ("system/rateLimits", Visibility::Internal, system::rate_limits::register),
    ("system/retention", Visibility::Internal, system::retention::register),
    ("system/secrets", Visibility::Internal, system::secrets::register),
    ("system/services", Visibility::Internal, system::services::register),
    ("system/subscriptions", Visibility::Internal, system::subscriptions::register),
];
