//! `system/demo`: the organisation a newcomer finds in `fusion dev`.

use fusion_runtime::Result;
use fusion_runtime::auth::dev_issuer::DEMO_ORGANIZATION;
use fusion_runtime::function::MutationCtx;
use fusion_schema::Typed;
use fusion_schema::tables::{
    AgentMessage, ContactMetadata, ContactSession, Conversation, ConversationStatus, DefaultSuggestions,
    MessageRole, Subscription, SubscriptionStatus, VapiSettings, WidgetSettings,
};

use super::contact_sessions::SESSION_DURATION_MS;
use crate::public::widget_settings::by_organization;
use crate::threads;

const GREETING: &str = "Welcome to the demo! How can I help you today?";

/// `system/demo`.
pub(crate) fn register(module: &mut crate::Module) {
    module.mutation("seed", seed);
}

#[derive(Typed)]
struct Seeded {
    organization_id: String,
    created: bool,
}

/// Sets the demo organisation up, with a few visitors who have already said something. Does nothing if the
/// organisation has settings, so that what somebody changed or deleted stays so.
fn seed(ctx: &mut MutationCtx<'_>, (): ()) -> Result<Seeded> {
    let organization_id = DEMO_ORGANIZATION.to_owned();
    if by_organization(ctx, &organization_id)?.is_some() {
        return Ok(Seeded { organization_id, created: false });
    }
    ctx.db().insert(WidgetSettings {
        organization_id: organization_id.clone(),
        greet_message: GREETING.to_owned(),
        default_suggestions: DefaultSuggestions {
            suggestion1: Some("What are your opening hours?".to_owned()),
            suggestion2: Some("How do I reset my password?".to_owned()),
            suggestion3: Some("I would like to talk to a human".to_owned()),
        },
        vapi_settings: VapiSettings::default(),
    })?;
    ctx.db().insert(Subscription {
        organization_id: organization_id.clone(),
        status: SubscriptionStatus::Active,
        reported_at: None,
    })?;
    for visitor in &VISITORS {
        add(ctx, &organization_id, visitor)?;
    }
    Ok(Seeded { organization_id, created: true })
}

/// A visitor and what was said after the greeting, by turns: visitor, organisation, visitor, …
struct Visitor {
    name: &'static str,
    email: &'static str,
    timezone: &'static str,
    status: ConversationStatus,
    said: &'static [&'static str],
}

const VISITORS: [Visitor; 3] = [
    Visitor {
        name: "Ada Fischer",
        email: "ada@example.com",
        timezone: "Europe/Berlin",
        status: ConversationStatus::Resolved,
        said: &[
            "Do you ship to Austria?",
            "Yes, we do: it takes two to three working days.",
            "Great, that's all.",
            "Conversation resolved.",
        ],
    },
    Visitor {
        name: "Ben Okoro",
        email: "ben@example.com",
        timezone: "Africa/Lagos",
        status: ConversationStatus::Escalated,
        said: &[
            "My invoice is wrong, I want to talk to a human.",
            "Conversation escalated to a human operator.",
        ],
    },
    Visitor {
        name: "Chloé Martin",
        email: "chloe@example.com",
        timezone: "Europe/Paris",
        status: ConversationStatus::Unresolved,
        said: &[],
    },
];

fn add(ctx: &mut MutationCtx<'_>, organization_id: &str, visitor: &Visitor) -> Result<()> {
    let expires_at = ctx.now() + SESSION_DURATION_MS;
    let contact_session_id = ctx.db().insert(ContactSession {
        name: visitor.name.to_owned(),
        email: visitor.email.to_owned(),
        organization_id: organization_id.to_owned(),
        expires_at,
        metadata: Some(ContactMetadata {
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0".to_owned()),
            timezone: Some(visitor.timezone.to_owned()),
            ..ContactMetadata::default()
        }),
    })?;
    let thread = threads::create(ctx, organization_id)?;
    let roles = [MessageRole::Assistant, MessageRole::User].into_iter().cycle();
    for (role, text) in roles.zip([GREETING].iter().chain(visitor.said)) {
        threads::append(ctx, AgentMessage::text(thread, 0.0, role, *text))?;
    }
    ctx.db().insert(Conversation {
        thread_id: thread.to_string(),
        organization_id: organization_id.to_owned(),
        contact_session_id,
        status: visitor.status,
    })?;
    Ok(())
}
