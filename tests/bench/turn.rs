//! Fusion Chat with the built-in assistant, which answers at once: what a visitor's turn costs without the model's
//! time, and how long an operator waits for a change while many visitors chat.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use fusion_runtime::clock::{Clock as _, Moment, SystemClock};
use fusion_tests::http::{call, request};
use fusion_tests::process::{Launch, Server};
use fusion_tests::random::Random;
use fusion_tests::sync::{
    ServerMessage, Socket, add_query, connect_message, modify_query_set_message, mutation_message,
};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::floor;
use crate::report::{head, millis, percentile, plain, row};
use crate::setup::{Options, sibling};

/// Visitors who chat at once.
const VISITORS: usize = 200;
/// A session may say 30 things in a minute.
const TURNS_PER_SESSION: usize = 25;
const SESSIONS_ALONE: usize = 20;
/// The time between two turns of a visitor.
const PAUSE: Duration = Duration::from_millis(2_100);
const ORGANIZATION: &str = "org_demo";
const PROMPTS: [&str; 3] =
    ["Until when can I return an item?", "Are you open on Sundays?", "How much is shipping to Austria?"];

/// A visitor's conversation, and the socket they use.
struct Visitor {
    socket: Socket,
    session: String,
    thread: String,
    requests: u32,
}

impl Visitor {
    /// Says something; until the answer is there.
    async fn say(&mut self) -> io::Result<Duration> {
        let prompt = PROMPTS[self.requests as usize % PROMPTS.len()];
        let args = json!({ "prompt": prompt, "threadId": self.thread, "contactSessionId": self.session });
        let id = self.requests;
        self.requests += 1;
        let start = Moment::now();
        self.socket
            .send(format!(
                r#"{{"type":"Action","requestId":{id},"udfPath":"public/messages:create","args":[{args}]}}"#
            ))
            .await?;
        loop {
            let text = self.socket.next().await?.ok_or_else(|| io::Error::other("the server closed"))?;
            let message = ServerMessage::parse(&text)?;
            if message.kind == "ActionResponse" {
                if message.success == Some(true) {
                    return Ok(start.elapsed());
                }
                return Err(io::Error::other(format!("a turn failed: {text}")));
            }
        }
    }
}

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let folder = options.scratch()?;
    let mut launch = Launch::new(sibling("fusion")?, folder.path().join("data")).arguments([
        "dev",
        "--app",
        "fusion-chat",
    ]);
    if options.durability != "full" {
        launch = launch.arguments(["--durability", &options.durability]);
    }
    let server = launch.start()?;
    let mut random = Random::new(options.seed);
    let token = operator_token(&server).await?;
    upload(&server, &token).await?;
    let sessions = import_sessions(&server, folder.path(), SESSIONS_ALONE + VISITORS)?;
    let (alone, together) = sessions.split_at(SESSIONS_ALONE);

    // One visitor at a time.
    let mut turns = Vec::new();
    let mut commits = 0;
    for session in alone {
        let mut visitor = visit(&server, session, &mut random).await?;
        let before = durable_commits(&server).await?;
        for _ in 0..TURNS_PER_SESSION {
            turns.push(visitor.say().await?);
        }
        commits += durable_commits(&server).await? - before;
    }
    let per_turn = commits as f64 / turns.len() as f64;
    let mut sqlite = floor::sqlite::transfers(options, 0.0, 1)?;
    let disk = sqlite.commit(0.5).mul_f64(per_turn);
    let (p50, p99) = (percentile(&mut turns, 0.5), percentile(&mut turns, 0.99));
    head();
    let ratio = p50.as_secs_f64() / disk.as_secs_f64();
    let figure = format!("p50 {}, p99 {}", millis(p50), millis(p99));
    let floor = format!("{per_turn:.1} SQLite commits: {}", millis(disk));
    row("a visitor's turn with a search", &figure, &floor, ratio, "≤ 5 commits");
    plain("the same beyond its commits, p50", &millis(p50.saturating_sub(disk)), "≤ 6 ms");

    // All at once, beside an operator.
    let mut visitors = Vec::new();
    for session in together {
        visitors.push(visit(&server, session, &mut random).await?);
    }
    let mut seen = Vec::new();
    let chatting = async {
        let chats = visitors.iter_mut().enumerate().map(async |(place, visitor)| {
            tokio::time::sleep(PAUSE.mul_f64(place as f64 / VISITORS as f64)).await;
            let mut turns = Vec::new();
            for _ in 0..8 {
                turns.push(visitor.say().await?);
                tokio::time::sleep(PAUSE).await;
            }
            io::Result::Ok(turns)
        });
        try_join_all(chats).await
    };
    let mut operator = Operator::open(&server, &token, &mut random).await?;
    let watching = async {
        loop {
            seen.push(operator.change().await?);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let turns: io::Result<Vec<Vec<Duration>>> = tokio::select! {
        turns = chatting => turns,
        failed = watching => failed,
    };
    let mut turns: Vec<Duration> = turns?.into_iter().flatten().collect();
    let (p50, p99) = (percentile(&mut turns, 0.5), percentile(&mut turns, 0.99));
    let what = format!("a turn while {VISITORS} visitors chat, {} turns", turns.len());
    plain(&what, &format!("p50 {}, p99 {}", millis(p50), millis(p99)), "");
    let (p50, p99) = (percentile(&mut seen, 0.5), percentile(&mut seen, 0.99));
    let what = format!("a change in the operator's list meanwhile, {} changes", seen.len());
    plain(&what, &format!("p50 {}, p99 {}", millis(p50), millis(p99)), "p99 ≤ 250 ms");
    Ok(())
}

async fn operator_token(server: &Server) -> io::Result<String> {
    let answer = request(server.address(), "GET", "/_dev/issuer/token", "", b"").await?.json()?;
    let token = answer["token"].as_str();
    Ok(token.ok_or_else(|| io::Error::other(format!("no token in {answer}")))?.to_owned())
}

async fn upload(server: &Server, token: &str) -> io::Result<()> {
    use base64::Engine as _;
    let text = "# Returns\n\nItems can be returned within 30 days.\n\n# Hours\n\nWe are closed on Sundays.\n\n\
                # Shipping\n\nShipping to Austria is 5 euros.";
    let bytes = base64::engine::general_purpose::STANDARD.encode(text);
    let args = json!({ "filename": "faq.md", "mimeType": "text/markdown", "bytes": { "$bytes": bytes } });
    let body = json!({ "path": "private/files:addFile", "args": args, "format": "convex_encoded_json" });
    let headers = format!("Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n");
    let answer =
        request(server.address(), "POST", "/api/action", &headers, body.to_string().as_bytes()).await?;
    fusion_tests::http::value_of(answer.json()?).map(drop)
}

/// Sessions of the organisation, more than may be opened in a short time.
fn import_sessions(server: &Server, folder: &std::path::Path, count: usize) -> io::Result<Vec<String>> {
    let path = folder.join("sessions.jsonl");
    let mut file = std::fs::File::create(&path)?;
    let expires_at = SystemClock.unix_ms() + 20.0 * 3_600_000.0;
    for number in 0..count {
        let session = json!({
            "name": format!("Visitor {number}"), "email": format!("visitor{number}@example.com"),
            "organizationId": ORGANIZATION, "expiresAt": expires_at,
        });
        writeln!(file, "{session}")?;
    }
    let fusion = |arguments: &[&str]| -> io::Result<Vec<u8>> {
        let mut command = Command::new(sibling("fusion")?);
        command.args(arguments).args(["--url", &server.url, "--admin-key", &server.admin_key]);
        let output = command.stderr(Stdio::inherit()).output()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(io::Error::other(format!("fusion {} failed", arguments[0])))
    };
    let path = path.to_string_lossy().into_owned();
    fusion(&["import", "--table", "contactSessions", "--append", "--yes", &path])?;
    let limit = count.to_string();
    let listed = fusion(&["data", "contactSessions", "--limit", &limit, "--format", "jsonl"])?;
    let ids: Option<Vec<String>> = String::from_utf8_lossy(&listed)
        .lines()
        .map(|line| {
            let session: Value = serde_json::from_str(line).ok()?;
            session["_id"].as_str().map(str::to_owned)
        })
        .collect();
    ids.filter(|ids| ids.len() == count).ok_or_else(|| io::Error::other("the sessions were not imported"))
}

async fn visit(server: &Server, session: &str, random: &mut Random) -> io::Result<Visitor> {
    let args = json!({ "organizationId": ORGANIZATION, "contactSessionId": session });
    let conversation = call(server, "public/conversations:create", args).await?;
    let args = json!({ "conversationId": conversation, "contactSessionId": session });
    let state = call(server, "public/conversations:getOne", args).await?;
    let thread = state["threadId"].as_str().unwrap_or_default().to_owned();
    let mut socket = Socket::open(server.address()).await?;
    socket.queue(connect_message(&random.uuid(), 0, None)).await?;
    let args = json!({
        "threadId": thread, "contactSessionId": session, "paginationOpts": { "numItems": 10, "cursor": null },
    });
    let query = add_query(0, "public/messages:getMany", &args.to_string(), None);
    socket.send(modify_query_set_message(0, 1, &[query])).await?;
    Ok(Visitor { socket, session: session.to_owned(), thread, requests: 0 })
}

/// Transactions that wrote something.
async fn durable_commits(server: &Server) -> io::Result<u64> {
    let answer = request(server.address(), "GET", "/metrics", "", b"").await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("fusion_commits_total "));
    line.and_then(|count| count.parse().ok()).ok_or_else(|| io::Error::other("no number of commits"))
}

/// An operator who watches the newest conversations and changes the status of one again and again.
struct Operator {
    socket: Socket,
    conversation: String,
    requests: u32,
}

impl Operator {
    async fn open(server: &Server, token: &str, random: &mut Random) -> io::Result<Self> {
        let session = call(
            server,
            "public/contactSessions:create",
            json!({ "name": "Probe", "email": "probe@example.com", "organizationId": ORGANIZATION }),
        )
        .await?;
        let args = json!({ "organizationId": ORGANIZATION, "contactSessionId": session });
        let conversation = call(server, "public/conversations:create", args).await?;
        let mut socket = Socket::open(server.address()).await?;
        socket.queue(connect_message(&random.uuid(), 0, None)).await?;
        socket
            .queue(format!(
                r#"{{"type":"Authenticate","baseVersion":0,"tokenType":"User","value":"{token}"}}"#
            ))
            .await?;
        let args = json!({ "paginationOpts": { "numItems": 20, "cursor": null } });
        let query = add_query(0, "private/conversations:getMany", &args.to_string(), None);
        socket.send(modify_query_set_message(0, 1, &[query])).await?;
        let conversation = conversation.as_str().unwrap_or_default().to_owned();
        Ok(Self { socket, conversation, requests: 0 })
    }

    /// Changes the status; until the list shows it.
    async fn change(&mut self) -> io::Result<Duration> {
        let status = if self.requests.is_multiple_of(2) { "escalated" } else { "unresolved" };
        let args = json!({ "conversationId": self.conversation, "status": status });
        let message =
            mutation_message(self.requests, "private/conversations:updateStatus", &args.to_string());
        self.requests += 1;
        let start = Moment::now();
        self.socket.send(message).await?;
        loop {
            let text = self.socket.next().await?.ok_or_else(|| io::Error::other("the server closed"))?;
            let message = ServerMessage::parse(&text)?;
            if message.kind == "MutationResponse" && message.success != Some(true) {
                return Err(io::Error::other(format!("the operator's mutation failed: {text}")));
            }
            for value in message.modifications.iter().filter_map(|modification| modification.value) {
                let list: Value = serde_json::from_str(value.get()).map_err(io::Error::other)?;
                let rows = list["page"].as_array().into_iter().flatten();
                let shown = rows.filter(|row| row["_id"] == self.conversation.as_str());
                if shown.map(|row| &row["status"]).next().is_some_and(|shown| shown == status) {
                    return Ok(start.elapsed());
                }
            }
        }
    }
}
