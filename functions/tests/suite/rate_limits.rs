//! `system/rateLimits`, `system/rateLimitCleanup`, and the limits where they are felt.

use fusion_schema::{Object, object};

use crate::harness::*;

const CHECK: &str = "system/rateLimits:checkRateLimitInternal";
const CLEANUP: &str = "system/rateLimitCleanup:cleanup";

fn check(key: &str, kind: &str) -> Object {
    object! { "key" => key, "limitKey" => kind }
}

fn exceeded(seconds: u32) -> (String, String) {
    refused("RATE_LIMIT_EXCEEDED", &format!("Rate limit exceeded. Try again in {seconds} seconds."))
}

#[test]
fn each_kind_has_its_number_and_window() {
    let chat = Chat::new();
    for (kind, max, window_ms) in
        [("messages", 30, 60_000), ("sessions", 5, 300_000), ("conversations", 10, 60_000)]
    {
        let chat = Chat::new();
        for _ in 0..max {
            assert!(chat.ok(As::Admin, CHECK, check("key", kind)).is_null());
        }
        assert_eq!(chat.refusal(As::Admin, CHECK, check("key", kind)), exceeded(window_ms / 1000), "{kind}");
        // Others have windows of their own.
        chat.ok(As::Admin, CHECK, check("other", kind));
        // Part of a second counts as one.
        chat.advance(u64::from(window_ms) - 1);
        assert_eq!(chat.refusal(As::Admin, CHECK, check("key", kind)), exceeded(1), "{kind}");
        chat.advance(1);
        chat.ok(As::Admin, CHECK, check("key", kind));
    }
    let failure = chat.failure(As::Admin, CHECK, check("key", "logins"));
    assert!(failure.contains("Path: .limitKey"), "{failure}");
}

#[test]
fn a_refused_call_does_not_count() {
    let chat = Chat::new();
    for _ in 0..7 {
        let _ = chat.call(As::Admin, CHECK, check("key", "sessions"));
    }
    let rows = chat.rows("rateLimits");
    assert_eq!(rows.len(), 1);
    assert_eq!(number(&rows[0], "count"), 5.0);
    assert_eq!(number(&rows[0], "windowStart"), START_MS as f64);
}

#[test]
fn an_organisation_gets_five_sessions_in_five_minutes() {
    let chat = Chat::new();
    for _ in 0..5 {
        chat.session("org");
    }
    let args = object! { "name" => "Ada", "email" => "a@b.c", "organizationId" => "org" };
    assert_eq!(chat.refusal(As::Visitor, "public/contactSessions:create", args), exceeded(300));
    chat.session("other");
    chat.advance(5 * MINUTE_MS);
    chat.session("org");
}

#[test]
fn messages_do_not_use_up_conversations() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    for _ in 0..30 {
        chat.say(&talk, "hello?");
    }
    assert_eq!(chat.refusal(As::Visitor, "public/messages:create", talk.message("hello?")), exceeded(60));
    assert_eq!(chat.messages(&talk).len(), 61);
    for _ in 0..9 {
        chat.conversation("org", &talk.session);
    }
    let args = object! { "organizationId" => "org", "contactSessionId" => talk.session.as_str() };
    assert_eq!(chat.refusal(As::Visitor, "public/conversations:create", args), exceeded(60));
}

#[test]
fn a_message_to_nowhere_counts_too() {
    let chat = Chat::new();
    let talk = chat.talk("org");
    let lost = Talk { thread: "nowhere".into(), conversation: String::new(), session: talk.session.clone() };
    for _ in 0..30 {
        chat.refusal(As::Visitor, "public/messages:create", lost.message("hi"));
    }
    assert_eq!(chat.refusal(As::Visitor, "public/messages:create", talk.message("hi")), exceeded(60));
}

#[test]
fn entries_are_forgotten_after_a_day() {
    let chat = Chat::new();
    chat.ok(As::Admin, CHECK, check("old", "messages"));
    chat.advance(30_000);
    chat.ok(As::Admin, CHECK, check("late in the window", "messages"));
    chat.advance(30_000);
    chat.ok(As::Admin, CHECK, check("next window", "messages"));
    let clean = |chat: &Chat| number(&chat.object(As::Admin, CLEANUP, object! {}), "deletedCount");
    chat.advance(24 * HOUR_MS - MINUTE_MS);
    assert_eq!(clean(&chat), 0.0, "exactly a day is not more than a day");
    chat.advance(1);
    assert_eq!(clean(&chat), 2.0);
    let keys: Vec<String> = chat.rows("rateLimits").iter().map(|row| text(row, "key").to_owned()).collect();
    assert_eq!(keys, ["messages:next window"]);
    chat.advance(MINUTE_MS);
    assert_eq!(clean(&chat), 1.0);
}

#[test]
fn a_cleanup_that_finds_too_much_is_followed_by_another() {
    let chat = Chat::new();
    let entry = |number: u32| {
        object! { "key" => format!("messages:{number}"), "windowStart" => START_MS as f64, "count" => 1.0 }
    };
    chat.insert("rateLimits", (0..4_001).map(entry));
    chat.advance(25 * HOUR_MS);
    let clean = || number(&chat.object(As::Admin, CLEANUP, object! {}), "deletedCount");
    assert_eq!(clean(), 4_000.0);
    let jobs = chat.rows("_scheduled_functions");
    assert_eq!(jobs.len(), 1);
    assert_eq!(text(&jobs[0], "name"), "system/rateLimitCleanup.js:cleanup");
    assert_eq!(clean(), 1.0);
    assert_eq!(chat.rows("_scheduled_functions").len(), 1, "nothing was left to do");
}

#[test]
fn the_cleanup_runs_every_hour() {
    let registry = fusion_functions::application(Default::default()).build().unwrap();
    let cron = &registry.crons()["clean up expired rate limit entries"];
    assert_eq!(cron.path.to_string(), CLEANUP);
    assert_eq!(cron.schedule, fusion_runtime::function::Schedule::hourly(0));
}
