//! `POST /clerk-webhook`: Clerk reports who pays.
//!
//! A report is signed as Svix does it, with the deployment's `CLERK_WEBHOOK_SECRET`; the library checks signature and
//! age. One that was taken in before is acknowledged and changes nothing.

use fusion_runtime::Result;
use fusion_runtime::function::http::{HeaderMap, HttpBody, HttpRequest, HttpResponse, StatusCode, read_body};
use fusion_runtime::function::{ActionCtx, Routes};
use fusion_schema::tables::SubscriptionStatus;
use serde_json::Value as Json;
use standardwebhooks::Webhook;

use crate::services::organizations::Clerk;
use crate::services::{Services, Settings};
use crate::system::subscriptions::{MessageArgs, UpsertSubscription};

/// The largest report, in bytes.
const BODY_SIZE_MAX: usize = 1 << 20;
/// The headers of a report, as Svix names them and as the library does.
const HEADERS: [(&str, &str); 3] = [
    ("svix-id", "webhook-id"),
    ("svix-timestamp", "webhook-timestamp"),
    ("svix-signature", "webhook-signature"),
];
/// How many members an organisation may have that pays, and one that does not.
const MEMBERS_MAX: [u32; 2] = [5, 1];

/// The routes.
pub(crate) fn register(routes: &mut Routes<'_, Services>) {
    routes.route("/clerk-webhook", "POST", clerk);
}

async fn clerk(ctx: ActionCtx<Services>, request: HttpRequest) -> Result<HttpResponse> {
    let (parts, body) = request.into_parts();
    let Ok(body) = read_body(body, BODY_SIZE_MAX).await else { return Ok(refusal("Error occurred")) };
    let Some(secret) = setting(&ctx, "CLERK_WEBHOOK_SECRET")? else {
        fusion_runtime::log_error!(ctx, "A report came in, but CLERK_WEBHOOK_SECRET is not set.");
        return Ok(refusal("Error occurred"));
    };
    let (message_id, report) = match verify(&secret, &parts.headers, &body) {
        Ok(verified) => verified,
        Err(problem) => {
            fusion_runtime::log_warn!(ctx, "A report was refused: {problem}.");
            return Ok(refusal("Error occurred"));
        }
    };
    match report.get("type").and_then(Json::as_str) {
        Some("subscription.updated") => {
            let Some(change) = change(&report, message_id) else {
                return Ok(refusal("Missing Organization ID"));
            };
            take_in(&ctx, change).await?;
        }
        other => {
            let other = other.unwrap_or_default();
            fusion_runtime::log_info!(ctx, "A report of type {other:?} was left alone.");
        }
    }
    Ok(answer(StatusCode::OK, ""))
}

fn setting(ctx: &ActionCtx<Services>, name: &str) -> Result<Option<String>> {
    Settings::new(&mut |name| ctx.env(name)).get(name)
}

/// The id of a report and what it says, if it really comes from Clerk.
fn verify(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<(String, Json), String> {
    let mut known = HeaderMap::new();
    for (svix, standard) in HEADERS {
        let value = headers.get(svix).or_else(|| headers.get(standard));
        let value = value.ok_or_else(|| format!("the header {svix} is missing"))?;
        known.insert(standard, value.clone());
    }
    let webhook = Webhook::new(secret).map_err(|_| "CLERK_WEBHOOK_SECRET is no signing secret".to_owned())?;
    webhook.verify(body, &known).map_err(|error| error.to_string())?;
    let id = known.get(HEADERS[0].1).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let report = serde_json::from_slice(body).map_err(|_| "its body is no JSON".to_owned())?;
    Ok((id, report))
}

/// What a report of a subscription changes; `None` if it does not say whose it is.
fn change(report: &Json, message_id: String) -> Option<UpsertSubscription> {
    let organization_id = report.pointer("/data/payer/organization_id").and_then(Json::as_str);
    let organization_id = organization_id.filter(|id| !id.is_empty())?.to_owned();
    let status = match report.pointer("/data/status").and_then(Json::as_str) {
        Some("active") => SubscriptionStatus::Active,
        Some("canceled") => SubscriptionStatus::Canceled,
        _ => SubscriptionStatus::Inactive,
    };
    let times = [report.pointer("/data/updated_at"), report.get("timestamp")];
    let reported_at = times.into_iter().flatten().find_map(Json::as_f64);
    Some(UpsertSubscription { organization_id, status, reported_at, message_id: Some(message_id) })
}

/// Tells Clerk how many members the organisation may have, then notes whether it pays: if Clerk cannot be told, the
/// report will come again, and is not yet known then.
async fn take_in(ctx: &ActionCtx<Services>, change: UpsertSubscription) -> Result<()> {
    let message_id = change.message_id.clone().unwrap_or_default();
    if ctx.run_query("system/subscriptions:isDelivered", MessageArgs { message_id }).await? {
        return Ok(());
    }
    let services = ctx.services();
    let clerk = Clerk::of(services, &mut Settings::new(&mut |name| ctx.env(name)))?;
    if let Some(clerk) = clerk {
        let [paying, others] = MEMBERS_MAX;
        let count = if change.status == SubscriptionStatus::Active { paying } else { others };
        clerk.allow_members(&change.organization_id, count).await?;
    }
    ctx.run_mutation("system/subscriptions:upsert", change).await
}

fn refusal(text: &'static str) -> HttpResponse {
    answer(StatusCode::BAD_REQUEST, text)
}

fn answer(status: StatusCode, text: &'static str) -> HttpResponse {
    let mut response = HttpResponse::new(HttpBody::from(text));
    *response.status_mut() = status;
    response
}
