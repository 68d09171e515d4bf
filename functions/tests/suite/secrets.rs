//! `private/secrets`, `public/secrets`, `system/secrets`: keys are kept, replaced and forgotten, in the vault or at AWS.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fusion_functions::services::{Patience, Services};
use fusion_schema::{Object, Value, json, object};
use hmac::{Hmac, Mac as _};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::harness::*;
use crate::stub::{Received, Reply, Stub};

const PRIVATE_KEY: &str = "3c1f6a52-very-private-key";
const OPERATOR: As = As::Operator("org");

fn keys(public: &str, private: &str) -> Object {
    object! { "publicApiKey" => public, "privateApiKey" => private }
}

pub(crate) fn connect(keys: Object) -> Object {
    object! { "service" => "vapi", "value" => keys }
}

fn vapi() -> Object {
    object! { "service" => "vapi" }
}

/// Runs what was scheduled and did not run yet, oldest first.
pub(crate) fn run_jobs(chat: &Chat, done: &mut BTreeSet<String>) {
    for (name, args) in pending_jobs(chat, done) {
        chat.ok(As::Admin, &name, args);
    }
}

fn pending_jobs(chat: &Chat, done: &mut BTreeSet<String>) -> Vec<(String, Object)> {
    let mut jobs = Vec::new();
    for job in chat.rows("_scheduled_functions") {
        if done.insert(text(&job, "_id").to_owned()) {
            let args = job.get("args").and_then(Value::as_array).unwrap()[0].as_object().unwrap().clone();
            jobs.push((text(&job, "name").replace(".js:", ":"), args));
        }
    }
    jobs
}

/// What the widget of the organisation may know.
fn public_key(chat: &Chat, organization: &str) -> Option<String> {
    let args = object! { "organizationId" => organization };
    match chat.ok(As::Visitor, "public/secrets:getVapiSecrets", args) {
        Value::Null => None,
        Value::Object(found) => {
            assert_eq!(found.len(), 1, "{found:?}");
            Some(text(&found, "publicApiKey").to_owned())
        }
        other => panic!("{other:?}"),
    }
}

/// Fails if the text occurs in any row of the database or line of the log.
fn assert_nowhere(chat: &Chat, secret: &str) {
    for table in ["plugins", "_scheduled_functions", "privacyRequests"] {
        for row in chat.rows(table) {
            assert!(!json::encode(&row.clone().into()).contains(secret), "{table}: {row:?}");
            let bytes = row.get_path("args").and_then(Value::as_array).into_iter().flatten();
            for args in bytes.filter_map(Value::as_object) {
                if let Some(Value::Bytes(value)) = args.get("value") {
                    assert!(!value.windows(secret.len()).any(|part| part == secret.as_bytes()));
                }
            }
        }
    }
    for line in chat.logs() {
        assert!(!line.contains(secret), "{line}");
    }
}

#[test]
fn keys_are_kept_in_the_vault_and_only_the_public_one_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let chat = Chat::with_services(Services::default().with_vault(folder.path().join("vault")));
    let mut done = BTreeSet::new();
    assert_eq!(public_key(&chat, "org"), None);
    assert!(chat.ok(OPERATOR, "private/secrets:upsert", connect(keys("pub", PRIVATE_KEY))).is_null());
    assert!(chat.ok(OPERATOR, "private/plugins:getOne", vapi()).is_null(), "nothing is stored yet");
    assert_nowhere(&chat, PRIVATE_KEY);
    let jobs = pending_jobs(&chat, &mut done);
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].0, "system/secrets:upsert");
    let stored = chat.ok(As::Admin, &jobs[0].0, jobs[0].1.clone());
    assert_eq!(stored, object! { "status" => "success" }.into());

    let plugin = chat.object(OPERATOR, "private/plugins:getOne", vapi());
    assert_eq!(text(&plugin, "secretName"), "tenant/org/vapi");
    assert_eq!(public_key(&chat, "org").as_deref(), Some("pub"));
    assert_eq!(public_key(&chat, "other"), None);
    assert_nowhere(&chat, PRIVATE_KEY);
    for entry in std::fs::read_dir(folder.path().join("vault")).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&content).contains("private"));
    }
}

#[test]
fn a_newer_key_is_never_replaced_by_an_older_one() {
    let chat = Chat::new();
    let mut done = BTreeSet::new();
    for (number, key) in ["one", "two"].into_iter().enumerate() {
        chat.ok(OPERATOR, "private/secrets:upsert", connect(keys(key, "private")));
        chat.advance(10 + number as u64);
    }
    // The scheduler may run both at once.
    for (name, args) in pending_jobs(&chat, &mut done).into_iter().rev() {
        chat.ok(As::Admin, &name, args);
    }
    assert_eq!(public_key(&chat, "org").as_deref(), Some("two"));
    chat.advance(1);
    chat.ok(OPERATOR, "private/secrets:upsert", connect(keys("three", "private")));
    run_jobs(&chat, &mut done);
    assert_eq!(public_key(&chat, "org").as_deref(), Some("three"));
    assert_eq!(chat.rows("plugins").len(), 1);
}

#[test]
fn a_service_is_disconnected_with_or_without_forgetting_the_keys() {
    let chat = Chat::new();
    let mut done = BTreeSet::new();
    let connected = |chat: &Chat, done: &mut BTreeSet<String>, key: &str| {
        chat.ok(OPERATOR, "private/secrets:upsert", connect(keys(key, "private")));
        run_jobs(chat, done);
        assert_eq!(public_key(chat, "org").as_deref(), Some(key));
        chat.advance(1);
    };
    connected(&chat, &mut done, "one");
    chat.ok(OPERATOR, "private/plugins:remove", vapi());
    assert_eq!(public_key(&chat, "org"), None);
    // The keys are still there: connecting by their name is enough.
    let by_name = object! { "service" => "vapi", "secretName" => "tenant/org/vapi" };
    chat.ok(OPERATOR, "private/secrets:upsert", by_name.clone());
    assert_eq!(public_key(&chat, "org").as_deref(), Some("one"));

    chat.ok(OPERATOR, "private/secrets:remove", vapi());
    run_jobs(&chat, &mut done);
    chat.ok(OPERATOR, "private/secrets:upsert", by_name);
    assert_eq!(public_key(&chat, "org"), None, "the keys are gone");
    assert_eq!(
        chat.refusal(As::Operator("other"), "private/secrets:remove", vapi()),
        refused("NOT_FOUND", "Plugin not found")
    );

    // Connecting again before the old keys were forgotten wins.
    chat.ok(OPERATOR, "private/secrets:remove", vapi());
    chat.advance(1);
    chat.ok(OPERATOR, "private/secrets:upsert", connect(keys("two", "private")));
    let jobs = pending_jobs(&chat, &mut done);
    for (name, args) in jobs.into_iter().rev() {
        chat.ok(As::Admin, &name, args);
    }
    assert_eq!(public_key(&chat, "org").as_deref(), Some("two"));
}

#[test]
fn other_organisations_keys_cannot_be_named() {
    let chat = Chat::new();
    let mut done = BTreeSet::new();
    chat.ok(As::Operator("rich"), "private/secrets:upsert", connect(keys("pub", "private")));
    run_jobs(&chat, &mut done);
    for name in ["tenant/rich/vapi", "tenant/org", "", "tenant/orgother/vapi"] {
        let args = object! { "service" => "vapi", "secretName" => name };
        let refusal = chat.refusal(OPERATOR, "private/secrets:upsert", args);
        assert_eq!(refusal.0, "BAD_REQUEST", "{name}");
    }
    assert!(chat.ok(OPERATOR, "private/plugins:getOne", vapi()).is_null());
}

#[test]
fn wrong_arguments_are_not_repeated() {
    let chat = Chat::new();
    let upsert = "private/secrets:upsert";
    let both = object! {
        "service" => "vapi", "secretName" => "x", "value" => keys("pub", PRIVATE_KEY),
    };
    let mut extra = connect(keys("pub", PRIVATE_KEY));
    extra.insert("extra", 1.0);
    let internal = object! {
        "service" => "vapi", "organizationId" => 7.0, "value" => keys("pub", PRIVATE_KEY),
    };
    let half = connect(object! { "privateApiKey" => PRIVATE_KEY });
    for (who, path, args) in [
        (OPERATOR, upsert, vapi()),
        (OPERATOR, upsert, both),
        (OPERATOR, upsert, extra),
        (OPERATOR, upsert, half),
        (OPERATOR, upsert, object! { "service" => "stripe", "value" => keys("pub", PRIVATE_KEY) }),
        (As::Admin, "system/secrets:upsert", internal),
    ] {
        let failure = chat.failure(who, path, args.clone());
        assert!(failure.contains("ArgumentValidationError"), "{failure}");
        assert!(!failure.contains(PRIVATE_KEY), "{failure}");
    }
    assert_nowhere(&chat, PRIVATE_KEY);
    let long = connect(keys("pub", &"x".repeat(4_097)));
    assert_eq!(chat.refusal(OPERATOR, upsert, long).0, "BAD_REQUEST");
    assert_eq!(
        chat.refusal(As::Visitor, upsert, connect(keys("a", "b"))),
        refused("UNAUTHORIZED", "Identity not found")
    );
    assert_eq!(
        chat.refusal(As::Stranger, upsert, connect(keys("a", "b"))),
        refused("UNAUTHORIZED", "Organization not found")
    );
}

#[test]
fn a_subscription_is_needed_where_the_deployment_says_so() {
    let chat = Chat::new();
    let upsert = |chat: &Chat| chat.refusal(OPERATOR, "private/secrets:upsert", connect(keys("a", "b")));
    let report = |chat: &Chat, status: &str| {
        let args = object! { "organizationId" => "org", "status" => status };
        assert!(chat.ok(As::Admin, "system/subscriptions:upsert", args).is_null());
    };
    for off in ["", "false", "0"] {
        chat.set_env("REQUIRE_ACTIVE_SUBSCRIPTION", off);
        chat.ok(OPERATOR, "private/secrets:upsert", connect(keys("a", "b")));
    }
    chat.set_env("REQUIRE_ACTIVE_SUBSCRIPTION", "true");
    assert_eq!(
        upsert(&chat),
        refused("SUBSCRIPTION_REQUIRED", "No subscription found for this organization")
    );
    report(&chat, "canceled");
    assert_eq!(upsert(&chat), refused("SUBSCRIPTION_INACTIVE", "Subscription is canceled"));
    report(&chat, "active");
    chat.ok(OPERATOR, "private/secrets:upsert", connect(keys("a", "b")));
    chat.set_env("REQUIRE_ACTIVE_SUBSCRIPTION", "maybe");
    let failure = chat.failure(OPERATOR, "private/secrets:upsert", connect(keys("a", "b")));
    assert!(failure.contains("REQUIRE_ACTIVE_SUBSCRIPTION must be true or false"), "{failure}");
}

#[test]
fn reports_of_subscriptions_count_once_and_in_order() {
    let chat = Chat::new();
    let report = |status: &str, at: f64, message: &str| {
        let args = object! {
            "organizationId" => "org", "status" => status, "reportedAt" => at, "messageId" => message,
        };
        chat.ok(As::Admin, "system/subscriptions:upsert", args);
        let rows = chat.rows("subscriptions");
        assert_eq!(rows.len(), 1);
        text(&rows[0], "status").to_owned()
    };
    assert_eq!(report("active", 10.0, "a"), "active");
    assert_eq!(report("canceled", 20.0, "b"), "canceled");
    assert_eq!(report("active", 10.0, "a"), "canceled", "seen before");
    assert_eq!(report("active", 15.0, "c"), "canceled", "older than what is known");
    assert_eq!(report("inactive", 20.0, "d"), "inactive");
    let delivered = |id: &str| {
        chat.ok(As::Admin, "system/subscriptions:isDelivered", object! { "messageId" => id }) == true.into()
    };
    assert!(delivered("a") && !delivered("e"));
    chat.advance(24 * HOUR_MS + 1_000);
    let cleaned = chat.object(As::Admin, "system/subscriptions:cleanup", object! {});
    assert_eq!(number(&cleaned, "deletedCount"), 4.0);
    assert!(!delivered("a"));
}

const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A deployment whose secrets are at the stub.
fn at_aws(stub: &Stub, patience: Patience) -> Chat {
    let chat = Chat::with_services(Services::new(patience));
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL", &stub.url),
    ] {
        chat.set_env(name, value);
    }
    chat
}

/// Repeats at once, and waits long.
fn patience() -> Patience {
    Patience { retry_delay: Duration::from_millis(1), ..Patience::default() }
}

fn aws_error(status: u16, code: &str) -> Reply {
    let body = json!({ "__type": code, "Message": "no" }).to_string();
    Reply::Whole(status, vec![("x-amzn-errortype", code.to_owned())], body.into_bytes())
}

/// Secrets Manager in a few lines.
fn secrets_manager() -> Stub {
    let mut secrets = BTreeMap::<String, String>::new();
    Stub::new(move |request| {
        let body = request.json();
        let field = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        match request.header("x-amz-target") {
            "secretsmanager.CreateSecret" if secrets.contains_key(&field("Name")) => {
                aws_error(400, "ResourceExistsException")
            }
            "secretsmanager.CreateSecret" => {
                secrets.insert(field("Name"), field("SecretString"));
                Reply::json(&json!({ "ARN": "arn", "Name": field("Name"), "VersionId": "1" }))
            }
            "secretsmanager.PutSecretValue" => {
                secrets.insert(field("SecretId"), field("SecretString"));
                Reply::json(&json!({ "ARN": "arn", "Name": field("SecretId"), "VersionId": "2" }))
            }
            "secretsmanager.GetSecretValue" => match secrets.get(&field("SecretId")) {
                Some(secret) => Reply::json(&json!({ "Name": field("SecretId"), "SecretString": secret })),
                None => aws_error(400, "ResourceNotFoundException"),
            },
            "secretsmanager.DeleteSecret" => match secrets.remove(&field("SecretId")) {
                Some(_) => Reply::json(&json!({ "Name": field("SecretId") })),
                None => aws_error(400, "ResourceNotFoundException"),
            },
            _ => aws_error(400, "InvalidAction"),
        }
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Signs the request once more, by the recipe of AWS's documentation, and compares.
fn assert_signed(request: &Received) {
    let authorization = request.header("authorization");
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ").unwrap_or_else(|| panic!("{request:?}"));
    let parts: BTreeMap<&str, &str> = rest.split(", ").filter_map(|part| part.split_once('=')).collect();
    let scope = parts["Credential"].strip_prefix("AKIDEXAMPLE/").unwrap();
    let scope_parts: Vec<&str> = scope.split('/').collect();
    assert_eq!(scope_parts[1..], ["eu-central-1", "secretsmanager", "aws4_request"]);
    let signed: Vec<&str> = parts["SignedHeaders"].split(';').collect();
    for name in ["content-type", "host", "x-amz-date", "x-amz-target"] {
        assert!(signed.contains(&name), "{name} is not signed: {signed:?}");
    }
    let headers: String = signed.iter().map(|name| format!("{name}:{}\n", request.header(name))).collect();
    let canonical = format!(
        "{}\n{}\n\n{headers}\n{}\n{}",
        request.method,
        request.path,
        parts["SignedHeaders"],
        hex(&Sha256::digest(&request.body))
    );
    let date = request.header("x-amz-date");
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let key = format!("AWS4{SECRET_ACCESS_KEY}").into_bytes();
    let key = scope_parts.iter().fold(key, |key, part| hmac(&key, part));
    assert_eq!(parts["Signature"], hex(&hmac(&key, &to_sign)));
}

#[test]
fn aws_is_asked_as_it_wants_to_be_asked() {
    let stub = secrets_manager();
    let chat = at_aws(&stub, patience());
    let mut done = BTreeSet::new();
    for key in ["one", "two"] {
        chat.ok(OPERATOR, "private/secrets:upsert", connect(keys(key, PRIVATE_KEY)));
        run_jobs(&chat, &mut done);
        assert_eq!(public_key(&chat, "org").as_deref(), Some(key));
        chat.advance(1);
    }
    chat.ok(OPERATOR, "private/secrets:remove", vapi());
    run_jobs(&chat, &mut done);
    let by_name = object! { "service" => "vapi", "secretName" => "tenant/org/vapi" };
    chat.ok(OPERATOR, "private/secrets:upsert", by_name);
    assert_eq!(public_key(&chat, "org"), None);

    let received = stub.received();
    let targets: Vec<&str> = received.iter().map(|request| request.header("x-amz-target")).collect();
    let calls = [
        "CreateSecret",
        "GetSecretValue",
        "CreateSecret",
        "PutSecretValue",
        "GetSecretValue",
        "DeleteSecret",
        "GetSecretValue",
    ];
    assert_eq!(targets, calls.map(|call| format!("secretsmanager.{call}")));
    for request in &received {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/"));
        assert_eq!(request.header("content-type"), "application/x-amz-json-1.1");
        assert_signed(request);
    }
    let bodies: Vec<Json> = received.iter().map(Received::json).collect();
    assert_eq!(bodies[0]["Name"], "tenant/org/vapi");
    let secret = bodies[0]["SecretString"].as_str().unwrap();
    let secret: Json = serde_json::from_str(secret).unwrap();
    assert_eq!(secret, json!({ "publicApiKey": "one", "privateApiKey": PRIVATE_KEY }));
    assert_eq!(bodies[0]["ClientRequestToken"].as_str().map(str::len), Some(36));
    assert_eq!(bodies[1], json!({ "SecretId": "tenant/org/vapi" }));
    assert_eq!(bodies[3]["SecretId"], "tenant/org/vapi");
    assert_eq!(bodies[5]["ForceDeleteWithoutRecovery"], true);
    assert_nowhere(&chat, PRIVATE_KEY);
    assert_nowhere(&chat, SECRET_ACCESS_KEY);
    // A second deployment's organisation has a name of its own.
    let tampered = Received { body: b"{}".to_vec(), ..received[0].clone() };
    assert!(
        std::panic::catch_unwind(|| assert_signed(&tampered)).is_err(),
        "the check sees what it looks for"
    );
}

fn store_at_aws(chat: &Chat) -> Result<Value, String> {
    let args = object! {
        "organizationId" => "org", "service" => "vapi", "value" => keys("pub", PRIVATE_KEY),
    };
    chat.call(As::Admin, "system/secrets:upsert", args).map_err(|error| error.message)
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_told() {
    let stored = || Reply::json(&json!({ "ARN": "arn", "Name": "n" }));
    for (replies, attempts, outcome) in [
        (vec![Reply::status(500, "{}"), Reply::status(503, ""), stored()], 3, Ok(())),
        (vec![Reply::Hangup, stored()], 2, Ok(())),
        (vec![aws_error(400, "ThrottlingException"), stored()], 2, Ok(())),
        (
            vec![Reply::status(500, ""), Reply::status(500, ""), Reply::status(500, ""), stored()],
            3,
            Err("AWS Secrets Manager answered with status 500"),
        ),
        (vec![aws_error(400, "AccessDeniedException")], 1, Err("status 400: AccessDeniedException")),
        (
            vec![aws_error(403, "UnrecognizedClientException")],
            1,
            Err("AWS Secrets Manager refused the key: UnrecognizedClientException"),
        ),
        (vec![Reply::status(200, "<html>")], 1, Err("gave an answer that cannot be used")),
    ] {
        let stub = Stub::answering(replies);
        let chat = at_aws(&stub, patience());
        let result = store_at_aws(&chat);
        match outcome {
            Ok(()) => assert_eq!(result, Ok(object! { "status" => "success" }.into())),
            Err(expected) => {
                let error = result.unwrap_err();
                assert!(error.contains(expected), "{error}");
                assert!(error.contains("SERVICE_FAILED") && !error.contains(PRIVATE_KEY), "{error}");
                assert!(chat.rows("plugins").is_empty());
            }
        }
        assert_eq!(stub.received().len(), attempts, "{outcome:?}");
        assert_nowhere(&chat, PRIVATE_KEY);
    }
}

#[test]
fn silence_is_not_waited_out() {
    let stub = Stub::new(|_| Reply::Silence);
    let chat = at_aws(&stub, Patience { silence: Duration::from_millis(100), retries: 1, ..patience() });
    let error = store_at_aws(&chat).unwrap_err();
    assert!(error.contains("AWS Secrets Manager did not answer in time"), "{error}");
    assert_eq!(stub.received().len(), 2);
    let gone = Patience { connect: Duration::from_secs(5), ..patience() };
    let chat = at_aws(&stub, gone);
    chat.set_env("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1");
    let error = store_at_aws(&chat).unwrap_err();
    assert!(error.contains("AWS Secrets Manager cannot be reached"), "{error}");
}

#[test]
fn a_secret_that_is_being_deleted_is_brought_back() {
    let stub = Stub::answering([
        aws_error(400, "InvalidRequestException"),
        Reply::json(&json!({ "Name": "n" })),
        Reply::json(&json!({ "Name": "n" })),
    ]);
    let chat = at_aws(&stub, patience());
    assert!(store_at_aws(&chat).is_ok());
    let targets: Vec<String> =
        stub.received().iter().map(|request| request.header("x-amz-target").to_owned()).collect();
    let calls = ["CreateSecret", "RestoreSecret", "PutSecretValue"];
    assert_eq!(targets, calls.map(|call| format!("secretsmanager.{call}")));
}

#[test]
fn half_a_setting_is_none() {
    let chat = Chat::new();
    chat.set_env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    let error = store_at_aws(&chat).unwrap_err();
    assert!(error.contains("Only one of the environment variables AWS_ACCESS_KEY_ID"), "{error}");
    let Value::Array(services) = chat.ok(As::Admin, "system/services:list", object! {}) else { panic!() };
    let secrets = services.iter().filter_map(Value::as_object).find(|one| text(one, "service") == "secrets");
    assert_eq!(text(secrets.unwrap(), "mode"), "misconfigured");
    chat.set_env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY);
    let Value::Array(services) = chat.ok(As::Admin, "system/services:list", object! {}) else { panic!() };
    let secrets = services.iter().filter_map(Value::as_object).find(|one| text(one, "service") == "secrets");
    assert_eq!(text(secrets.unwrap(), "mode"), "real");
    assert_eq!(text(secrets.unwrap(), "detail"), "AWS Secrets Manager in us-east-1");
}

#[test]
fn damaged_secrets_have_no_public_key() {
    for (secret, found) in [
        (json!({ "SecretString": r#"{"publicApiKey":"p","privateApiKey":"q"}"# }), Some("p")),
        (json!({ "SecretString": "no json" }), None),
        (json!({ "SecretString": r#"{"publicApiKey":"p"}"# }), None),
        (json!({ "SecretString": r#"{"publicApiKey":"","privateApiKey":"q"}"# }), None),
        (json!({}), None),
    ] {
        let stub = Stub::answering([Reply::json(&secret)]);
        let chat = at_aws(&stub, patience());
        let plugin = object! { "organizationId" => "org", "service" => "vapi", "secretName" => "s" };
        chat.insert("plugins", [plugin]);
        assert_eq!(public_key(&chat, "org").as_deref(), found, "{secret}");
    }
}
