//! `private/files` and what the assistant finds in them: what is read, found, replaced and taken away again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fusion_functions::services::{Patience, Services};
use fusion_schema::{Object, Value, object};
use serde_json::{Value as Json, json};

use crate::harness::*;
use crate::stub::{Received, Reply, Stub};

const ADD: &str = "private/files:addFile";
const DELETE: &str = "private/files:deleteFile";
const LIST: &str = "private/files:list";
const ORG: As = As::Operator("org");

const RETURNS: &str = "Returns\n\nItems can be returned within 30 days of delivery. Refunds take a week.";
const HOURS: &str = "Opening hours\n\nOur office is open from nine to five, and closed on Sundays.";

fn file(name: &str, mime_type: &str, content: impl Into<Vec<u8>>) -> Object {
    object! { "filename" => name, "mimeType" => mime_type, "bytes" => Value::Bytes(content.into()) }
}

fn add(chat: &Chat, name: &str, content: &str) -> Object {
    chat.object(ORG, ADD, file(name, "text/plain", content))
}

fn files(chat: &Chat) -> Vec<Object> {
    page(chat.ok(ORG, LIST, object! { "paginationOpts" => first(100.0) }))
}

/// What the assistant says to a question in a new conversation.
fn ask(chat: &Chat, organization: &str, question: &str) -> String {
    let talk = chat.talk(organization);
    chat.say(&talk, question);
    chat.advance(5 * MINUTE_MS);
    text(chat.messages(&talk).last().unwrap(), "text").to_owned()
}

fn is_empty(chat: &Chat) -> bool {
    ["knowledgeEntries", "knowledgeChunks", "knowledgeVectors", "_storage"]
        .into_iter()
        .all(|table| chat.rows(table).is_empty())
}

/// A PDF file with a line of text on each page.
pub(crate) fn pdf(pages: &[&str]) -> Vec<u8> {
    let kids: Vec<String> = (0..pages.len()).map(|page| format!("{} 0 R", 4 + 2 * page)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    for (page, text) in pages.iter().enumerate() {
        let content = format!("BT /F1 12 Tf 72 700 Td ({text}) Tj ET");
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R \
             /Resources << /Font << /F1 3 0 R >> >> >>",
            5 + 2 * page
        ));
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
    }
    let mut out = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.push_str(&format!("{} 0 obj\n{object}\nendobj\n", number + 1));
    }
    let table = out.len();
    out.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    for place in places {
        out.push_str(&format!("{place:010} 00000 n \n"));
    }
    out.push_str(&format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n",
        objects.len() + 1
    ));
    out.into_bytes()
}

#[test]
fn the_assistant_quotes_what_was_uploaded_until_it_is_deleted() {
    let chat = Chat::new();
    let question = "How long do I have to return an item?";
    assert!(ask(&chat, "org", question).contains("I could not find an answer"));

    let added = add(&chat, "returns.txt", RETURNS);
    add(&chat, "hours.txt", HOURS);
    let answer = ask(&chat, "org", question);
    assert!(answer.contains("\"returns.txt\"") && answer.contains("within 30 days of delivery"), "{answer}");
    assert!(ask(&chat, "org", "Are you open on Sundays?").contains("closed on Sundays"));
    // Nobody else's.
    assert!(ask(&chat, "other", question).contains("I could not find an answer"));

    let id = text(&added, "entryId");
    assert!(chat.ok(ORG, DELETE, object! { "entryId" => id }).is_null());
    assert!(!ask(&chat, "org", question).contains("30 days"));
    assert_eq!(files(&chat).len(), 1);
    assert_eq!(chat.rows("_storage").len(), 1);
}

#[test]
fn every_kind_of_text_is_read_without_a_model() {
    let chat = Chat::new();
    let pdf = pdf(&["Welcome to our handbook.", "The warranty covers broken zippers for two years."]);
    for (name, mime_type, content, question, quoted) in [
        (
            "handbook.pdf",
            "application/pdf",
            pdf,
            "What does the warranty cover?",
            "broken zippers for two years",
        ),
        (
            "a.md",
            "",
            b"# Parking\n\nThere are **forty** parking lots.".to_vec(),
            "How many parking lots?",
            "forty",
        ),
        (
            "b.html",
            "text/html",
            b"<p>The <b>canteen</b> serves soup.</p>".to_vec(),
            "What does the canteen serve?",
            "soup",
        ),
        (
            "c.csv",
            "text/csv",
            b"plan,price\nBasic,10\nPremium,20".to_vec(),
            "What is the price of Premium?",
            "price: 20",
        ),
        (
            "d.json",
            "application/json",
            br#"{"contact":{"fax":"none"}}"#.to_vec(),
            "What is the fax?",
            "contact.fax: none",
        ),
    ] {
        let added = chat.object(ORG, ADD, file(name, mime_type, content));
        let answer = ask(&chat, "org", question);
        assert!(answer.contains(&format!("\"{name}\"")) && answer.contains(quoted), "{name}: {answer}");
        chat.ok(ORG, DELETE, object! { "fileId" => text(&added, "entryId") });
    }
    assert!(is_empty(&chat));
}

#[test]
fn the_list_shows_files_as_the_dashboard_wants_them() {
    let chat = Chat::new();
    let empty = chat.object(ORG, LIST, object! {});
    assert_eq!(empty.get("page"), Some(&Value::Array(vec![])));
    assert_eq!(empty.get("isDone"), Some(&Value::Boolean(true)));

    let mut args = file("Price List.CSV", "text/csv", "a,b\n1,2");
    args.insert("category", "sales");
    let added = chat.object(ORG, ADD, args);
    add(&chat, "README", &"word ".repeat(400));
    let files = files(&chat);
    assert_eq!(
        files[0],
        object! {
            "id" => text(&added, "entryId"), "name" => "Price List.CSV", "type" => "csv", "size" => "7 B",
            "status" => "ready", "url" => text(&added, "url"), "category" => "sales",
        }
    );
    assert_eq!((text(&files[1], "type"), text(&files[1], "size")), ("readme", "2 KB"));
    assert!(files[1].get("category").is_none());
    let of = |category: &str| {
        let args = object! { "category" => category, "paginationOpts" => first(100.0) };
        page(chat.ok(ORG, LIST, args)).len()
    };
    assert_eq!((of("sales"), of("legal"), of("")), (1, 0, 2));
    assert!(
        page(chat.ok(As::Operator("other"), LIST, object! { "paginationOpts" => first(9.0) })).is_empty()
    );
    let paged = chat.object(ORG, LIST, object! { "paginationOpts" => first(1.0) });
    assert_eq!(page(Value::Object(paged.clone())).len(), 1);
    let rest = after(text(&paged, "continueCursor"), 5.0);
    let rest = page(chat.ok(ORG, LIST, object! { "paginationOpts" => rest }));
    assert_eq!(rest.iter().map(|file| text(file, "name")).collect::<Vec<_>>(), ["README"]);
}

#[test]
fn the_same_file_is_left_and_another_of_its_name_takes_its_place() {
    let chat = Chat::new();
    let added = add(&chat, "faq.txt", RETURNS);
    assert_eq!(add(&chat, "faq.txt", RETURNS), added);
    assert_eq!(chat.rows("_storage").len(), 1);

    let replaced = add(&chat, "faq.txt", HOURS);
    assert_ne!(text(&replaced, "entryId"), text(&added, "entryId"));
    let names: Vec<Object> = files(&chat);
    assert_eq!(names.len(), 1);
    assert_eq!(text(&names[0], "id"), text(&replaced, "entryId"));
    for table in ["knowledgeEntries", "knowledgeChunks", "knowledgeVectors", "_storage"] {
        assert_eq!(chat.rows(table).len(), 1, "{table}");
    }
    assert!(!ask(&chat, "org", "How long do I have to return an item?").contains("30 days"));
}

#[test]
fn files_that_cannot_be_used_leave_nothing() {
    let chat = Chat::new();
    let long = "a".repeat(256);
    let limit = "The file's name must have between 1 and 255 characters.";
    for (args, message) in [
        (file("a.zip", "", "PK\x03\x04"), "Unsupported MIME type: application/zip"),
        (file("a.bin", "", "\u{1}"), "Unsupported MIME type: application/octet-stream"),
        (file("", "text/plain", "x"), limit),
        (file(&long, "text/plain", "x"), limit),
        (file("a.txt", "text/plain", ""), "The file \"a.txt\" is empty."),
        (file("a.txt", "text/plain", " \n "), "The file \"a.txt\" cannot be used: it has no text."),
        (file("a.txt", "text/plain", "a\0b"), "The file \"a.txt\" cannot be used: it is no text."),
        (file("a.pdf", "", "%PDF-1.7 oh"), "The file \"a.pdf\" cannot be used: it is no PDF, or damaged."),
        (
            file("scan.pdf", "", pdf(&[""])),
            "The file \"scan.pdf\" cannot be used: its pages have no text; if they are pictures of text, upload them \
             as images.",
        ),
        (
            file("big.png", "image/png", vec![1; (5 << 20) + 1]),
            "File is too large for AI extraction (image/png). Please upload a smaller file or split it into smaller \
             parts.",
        ),
        (
            file("big.txt", "text/plain", vec![b'a'; (15 << 20) + 1]),
            "The file \"big.txt\" is larger than 15 MB. Split it into smaller files.",
        ),
    ] {
        assert_eq!(chat.refusal(ORG, ADD, args), refused("BAD_REQUEST", message));
        assert!(is_empty(&chat), "{message}");
    }
    let (code, message) = chat.refusal(ORG, ADD, file("a.png", "", "\u{1}"));
    assert_eq!(code, "SERVICE_FAILED");
    assert!(message.contains("cannot see images; set OPENAI_API_KEY"), "{message}");
    assert!(is_empty(&chat));
}

#[test]
fn operators_reach_their_own_files_only() {
    let chat = Chat::new();
    let added = add(&chat, "faq.txt", RETURNS);
    let id = text(&added, "entryId");
    let entry = |id: &str| object! { "entryId" => id };
    assert_eq!(
        chat.refusal(As::Operator("other"), DELETE, entry(id)),
        refused("UNAUTHORIZED", "Invalid namespace")
    );
    chat.ok(As::Operator("other"), ADD, file("faq.txt", "text/plain", HOURS));
    assert_eq!(
        chat.refusal(As::Operator("other"), DELETE, entry(id)),
        refused("UNAUTHORIZED", "Invalid Organization ID")
    );
    for gone in [missing(id), "nonsense".to_owned()] {
        assert_eq!(chat.refusal(ORG, DELETE, entry(&gone)), refused("NOT_FOUND", "Entry not found"));
    }
    for args in [object! {}, object! { "entryId" => id, "fileId" => id }] {
        assert!(chat.failure(ORG, DELETE, args).contains("Give either `entryId` or `fileId`."));
    }
    for (who, message) in [(As::Visitor, "Identity not found"), (As::Stranger, "Organization not found")] {
        let unauthorized = refused("UNAUTHORIZED", message);
        assert_eq!(chat.refusal(who, ADD, file("a.txt", "text/plain", "x")), unauthorized);
        assert_eq!(chat.refusal(who, DELETE, entry(id)), unauthorized);
        assert_eq!(chat.refusal(who, LIST, object! { "paginationOpts" => first(1.0) }), unauthorized);
    }
    assert_eq!(files(&chat).len(), 1);
}

/// A long text: one passage for each number.
fn long_text(count: usize) -> String {
    (0..count)
        .map(|number| format!("## Article {number}\n\n{} item{number}.\n\n", "Words. ".repeat(20)))
        .collect()
}

#[test]
fn a_long_file_is_processed_in_steps_that_the_list_shows() {
    let chat = Chat::new();
    let added = add(&chat, "long.md", &long_text(250));
    let found = files(&chat);
    assert_eq!((text(&found[0], "status"), number(&found[0], "progress")), ("processing", 0.0));
    assert_eq!(text(&found[0], "url"), text(&added, "url"));
    assert!(!ask(&chat, "org", "What about item123?").contains("item123."));

    let mut seen = vec![];
    chat.work_until(|chat| {
        let entry = &chat.rows("knowledgeEntries")[0];
        seen.push(number(entry, "chunksDone"));
        (text(entry, "status") == "ready").then_some(())
    });
    assert!(seen.is_sorted());
    let found = files(&chat);
    assert_eq!(text(&found[0], "status"), "ready");
    assert!(found[0].get("progress").is_none());
    assert_eq!(chat.rows("knowledgeVectors").len(), 250);
    let answer = ask(&chat, "org", "What about item123?");
    assert!(answer.contains("item123"), "{answer}");

    // All of it goes, by and by.
    chat.ok(ORG, DELETE, object! { "entryId" => text(&added, "entryId") });
    assert!(files(&chat).is_empty());
    assert!(ask(&chat, "org", "What about item123?").contains("I could not find an answer"));
    chat.work_until(|chat| is_empty(chat).then_some(()));
}

fn services() -> Services {
    Services::new(Patience { retries: 1, retry_delay: Duration::from_millis(1), ..Patience::default() })
}

fn with_embeddings(stub: &Stub) -> Chat {
    let chat = Chat::with_services(services());
    chat.set_env("OPENAI_BASE_URL", &stub.url);
    chat.set_env("OPENAI_API_KEY", "sk-test-1234567890");
    chat.set_env("OPENAI_CHAT_MODEL", "scripted");
    chat
}

fn inputs(request: &Received) -> Vec<String> {
    let body = request.json();
    body["input"].as_array().unwrap().iter().map(|input| input.as_str().unwrap().to_owned()).collect()
}

/// Vectors that tell whether a text is about returns, in the reverse order.
fn embeddings(request: &Received) -> Reply {
    let data: Vec<Json> = inputs(request)
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let about = f64::from(u8::from(input.to_lowercase().contains("return")));
            json!({ "object": "embedding", "index": index, "embedding": [about, 1.0 - about, 0.1] })
        })
        .rev()
        .collect();
    Reply::json(&json!({ "data": data, "usage": { "prompt_tokens": 3 } }))
}

#[test]
fn embeddings_are_asked_for_as_the_wire_has_it() {
    let stub = Stub::new(embeddings);
    let chat = with_embeddings(&stub);
    add(&chat, "returns.txt", RETURNS);
    add(&chat, "hours.txt", HOURS);
    let answer = ask(&chat, "org", "How do I return an item?");
    assert!(answer.contains("\"returns.txt\""), "{answer}");

    let received = stub.received();
    assert_eq!(received.len(), 3);
    assert_eq!((received[0].method.as_str(), received[0].path.as_str()), ("POST", "/embeddings"));
    assert_eq!(received[0].header("authorization"), "Bearer sk-test-1234567890");
    let body = received[0].json();
    assert_eq!(
        body,
        json!({
            "model": "text-embedding-3-small", "encoding_format": "float",
            "input": [format!("returns.txt\n\n{RETURNS}")],
        })
    );
    assert_eq!(received[2].json()["input"], json!(["How do I return an item?"]));
    assert_eq!(text(&chat.rows("knowledgeEntries")[0], "model"), "text-embedding-3-small");

    chat.set_env("OPENAI_EMBEDDING_DIMENSIONS", "256");
    add(&chat, "more.txt", HOURS);
    assert_eq!(stub.received()[3].json()["dimensions"], json!(256));
    chat.set_env("OPENAI_EMBEDDING_DIMENSIONS", "9000");
    assert_eq!(
        chat.refusal(ORG, ADD, file("x.txt", "text/plain", "x")),
        refused(
            "BAD_REQUEST",
            "The environment variable OPENAI_EMBEDDING_DIMENSIONS must be a number from 1 to 1536."
        )
    );
}

#[test]
fn a_failing_embedding_model_leaves_nothing() {
    let vector = |length: usize| json!({ "data": [{ "index": 0, "embedding": vec![0.5; length] }] });
    let cases: Vec<(Vec<Reply>, &str)> = vec![
        (vec![Reply::status(401, "")], "The embedding model refused the key: Unauthorized"),
        (
            vec![Reply::status(500, ""), Reply::status(502, "")],
            "The embedding model answered with status 502: Bad Gateway",
        ),
        (vec![Reply::Hangup, Reply::Hangup], "The embedding model cannot be reached."),
        (
            vec![Reply::status(200, "oops")],
            "The embedding model gave an answer that cannot be used: it is no JSON",
        ),
        (
            vec![Reply::json(&json!({}))],
            "The embedding model gave an answer that cannot be used: it has no data",
        ),
        (
            vec![Reply::json(&json!({ "data": [] }))],
            "The embedding model gave an answer that cannot be used: it has fewer vectors than asked for",
        ),
        (
            vec![Reply::json(&json!({ "data": [{ "index": 7, "embedding": [1] }] }))],
            "The embedding model gave an answer that cannot be used: it has more vectors than asked for",
        ),
        (
            vec![Reply::json(&json!({ "data": [{ "embedding": ["a"] }] }))],
            "The embedding model gave an answer that cannot be used: a vector is no list of numbers",
        ),
        (
            vec![Reply::json(&vector(3072))],
            "The embedding model gave an answer that cannot be used: its vectors have 3072 numbers, at most 1536 fit; \
             set OPENAI_EMBEDDING_DIMENSIONS or another OPENAI_EMBEDDING_MODEL",
        ),
    ];
    for (replies, message) in cases {
        let count = replies.len();
        let stub = Stub::answering(replies);
        let chat = with_embeddings(&stub);
        let args = file("a.txt", "text/plain", RETURNS);
        assert_eq!(chat.refusal(ORG, ADD, args), refused("SERVICE_FAILED", message));
        assert_eq!(stub.received().len(), count, "{message}");
        assert!(is_empty(&chat), "{message}");
    }
    let stub = Stub::answering([Reply::Silence]);
    let chat = Chat::with_services(Services::new(Patience {
        silence: Duration::from_millis(50),
        ..Patience::default()
    }));
    chat.set_env("OPENAI_BASE_URL", &stub.url);
    assert_eq!(
        chat.refusal(ORG, ADD, file("a.txt", "text/plain", RETURNS)),
        refused("SERVICE_FAILED", "The embedding model did not answer in time.")
    );
    assert!(is_empty(&chat));
}

#[test]
fn a_long_file_waits_for_its_model_and_is_given_up_in_the_end() {
    let works = Arc::new(AtomicBool::new(false));
    let switch = works.clone();
    let stub =
        Stub::new(
            move |request| {
                if switch.load(Ordering::SeqCst) { embeddings(request) } else { Reply::status(400, "") }
            },
        );
    let chat = with_embeddings(&stub);
    let added = add(&chat, "long.md", &long_text(150));
    let failures = |chat: &Chat| chat.rows("knowledgeEntries").first().map(|entry| number(entry, "failures"));
    chat.work_until(|chat| (failures(chat) == Some(1.0)).then_some(()));
    let shown = files(&chat);
    assert_eq!(text(&shown[0], "status"), "processing");
    assert_eq!(text(&shown[0], "error"), "The embedding model answered with status 400: Bad Request");
    works.store(true, Ordering::SeqCst);
    chat.advance(MINUTE_MS);
    chat.work_until(|chat| (text(&chat.rows("knowledgeEntries")[0], "status") == "ready").then_some(()));
    let received = stub.received();
    assert_eq!(received.iter().skip(1).map(|request| inputs(request).len()).collect::<Vec<_>>(), [100, 50]);
    assert!(files(&chat)[0].get("error").is_none());
    chat.ok(ORG, DELETE, object! { "entryId" => text(&added, "entryId") });
    chat.work_until(|chat| is_empty(chat).then_some(()));

    works.store(false, Ordering::SeqCst);
    add(&chat, "long.md", &long_text(150));
    for count in 1..6 {
        chat.work_until(|chat| (failures(chat) == Some(f64::from(count))).then_some(()));
        chat.advance(10 * MINUTE_MS);
    }
    chat.work_until(|chat| (text(&chat.rows("knowledgeEntries")[0], "status") == "failed").then_some(()));
    let shown = &files(&chat)[0];
    assert_eq!((text(shown, "status"), text(shown, "size")), ("error", "unknown"));
    assert!(shown.get("url").unwrap().is_null());
    assert!(chat.rows("knowledgeChunks").is_empty() && chat.rows("_storage").is_empty());
    chat.ok(ORG, DELETE, object! { "entryId" => text(shown, "id") });
    assert!(is_empty(&chat));
}

#[test]
fn what_was_interrupted_or_made_by_another_model_is_looked_after() {
    let stub = Stub::new(embeddings);
    let chat = with_embeddings(&stub);
    chat.set_env("OPENAI_EMBEDDING_MODEL", "lexical");
    add(&chat, "returns.txt", RETURNS);
    add(&chat, "long.md", &long_text(150));
    let interrupted = object! {
        "organizationId" => "org", "key" => "lost.pdf", "status" => "pending", "contentHash" => "", "mimeType" => "",
        "chunkCount" => 0.0, "chunksDone" => 0.0, "model" => "lexical", "touchedAt" => START_MS as f64,
        "failures" => 0.0,
    };
    chat.insert("knowledgeEntries", [interrupted]);
    chat.set_env("OPENAI_EMBEDDING_MODEL", "text-embedding-3-large");
    chat.advance(20 * MINUTE_MS);
    assert!(chat.ok(As::Admin, "system/ai/knowledge:tend", object! {}).is_null());
    chat.work_until(|chat| {
        let settled = |entry: &Object| text(entry, "status") != "pending";
        chat.rows("knowledgeEntries").iter().all(settled).then_some(())
    });
    let mut entries = chat.rows("knowledgeEntries");
    entries.sort_by(|a, b| text(a, "key").cmp(text(b, "key")));
    let outline: Vec<(&str, &str, &str)> = entries
        .iter()
        .map(|entry| (text(entry, "key"), text(entry, "status"), text(entry, "model")))
        .collect();
    assert_eq!(
        outline,
        [
            ("long.md", "ready", "text-embedding-3-large"),
            ("lost.pdf", "failed", "lexical"),
            ("returns.txt", "ready", "text-embedding-3-large"),
        ]
    );
    assert_eq!(text(&entries[1], "error"), "Reading the file was interrupted. Upload it again.");
    assert_eq!(chat.rows("knowledgeVectors").len(), 151);
    assert!(ask(&chat, "org", "How do I return an item?").contains("\"returns.txt\""));
}

#[test]
fn images_are_shown_to_the_model_inside_of_the_request() {
    let stub = Stub::answering([Reply::text("A sign that says: mind the gap.")]);
    let chat = Chat::with_services(services());
    chat.set_env("OPENAI_BASE_URL", &stub.url);
    chat.set_env("OPENAI_EMBEDDING_MODEL", "lexical");
    chat.ok(ORG, ADD, file("sign.png", "", b"\x89PNG\r\n\x1a\n".to_vec()));
    let body = stub.received()[0].json();
    assert_eq!(
        body["messages"][1]["content"],
        json!([{ "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } }])
    );
    chat.set_env("OPENAI_CHAT_MODEL", "scripted");
    assert!(ask(&chat, "org", "What does the sign say?").contains("mind the gap"));
}

#[test]
fn a_real_model_is_given_what_was_found_and_told_what_it_is() {
    let stub = Stub::answering([
        Reply::tool("call_1", "searchTool", r#"{"query":"return an \"item\""}"#),
        Reply::text("Within 30 days."),
        Reply::text("You have 30 days."),
    ]);
    let chat = Chat::with_services(services());
    chat.set_env("OPENAI_BASE_URL", &stub.url);
    chat.set_env("OPENAI_EMBEDDING_MODEL", "lexical");
    add(&chat, "returns.txt", RETURNS);
    assert_eq!(ask(&chat, "org", "How long?"), "You have 30 days.");
    let received = stub.received();
    let interpretation = received[1].json();
    assert_eq!((&interpretation["temperature"], &interpretation["max_tokens"]), (&json!(0), &json!(512)));
    let asked = interpretation["messages"][1]["content"].as_str().unwrap();
    assert!(
        asked.starts_with("The question: \"return an 'item'\"\n\n<retrieved-context>\n## returns.txt:"),
        "{asked}"
    );
    assert!(asked.contains("within 30 days of delivery") && asked.contains("untrusted data"), "{asked}");
    assert_eq!(received[2].json()["messages"][4]["content"], "Within 30 days.");
}
