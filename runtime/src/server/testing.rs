//! A whole server over a database in memory, on a port of its own, for tests.

use std::sync::Arc;

use fusion_schema::{Doc, Object, Schema, Table, Typed, Value, object};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::origin::TrustedProxies;
use super::state::{ServerConfig, ServerState};
use crate::auth::{AdminKeys, Authenticator, DevIssuer};
use crate::clock::SystemClock;
use crate::database::{Database, DatabaseOptions};
use crate::error::{Error, Result};
use crate::function::http::{HttpBody, HttpResponse};
use crate::function::live::LiveQueries;
use crate::function::{ActionCtx, Application, LogLevel, MutationCtx, QueryCtx, Visibility, testing};
use crate::push::Pushes;
use crate::push::testing::FakeScripts;

#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "messages")]
struct Message {
    body: String,
}

#[derive(Typed)]
struct Send {
    body: String,
}

fn list(ctx: &mut QueryCtx<'_>, (): ()) -> Result<Vec<String>> {
    let messages: Vec<Doc<Message>> = ctx.db().query::<Message>().collect()?;
    Ok(messages.into_iter().map(|message| message.fields.body).collect())
}

fn send(ctx: &mut MutationCtx<'_>, args: Send) -> Result<()> {
    ctx.log(LogLevel::Log, format!("sending {}", args.body));
    ctx.db().insert(Message { body: args.body })?;
    Ok(())
}

fn who(ctx: &mut QueryCtx<'_>, (): ()) -> Result<String> {
    let user = ctx.identity()?;
    Ok(user.map_or("nobody".to_owned(), |user| user.subject().to_owned()))
}

/// The functions of the tests.
pub(crate) fn application() -> Application {
    let mut app = Application::new("test").schema(Schema::new(vec![Message::definition()]));
    app.module("messages", Visibility::Public, (), |module| {
        module
            .query("list", list)
            .query("who", who)
            .query("big", |_: &mut QueryCtx<'_>, (): ()| Ok("é".repeat(4_000_000)))
            .query("int", |_: &mut QueryCtx<'_>, (): ()| Ok(7_i64))
            .query("env", |ctx: &mut QueryCtx<'_>, (): ()| Ok(ctx.env("NAME")?.unwrap_or_default()))
            .mutation("send", send)
            .mutation("fail", |_: &mut MutationCtx<'_>, (): ()| -> Result<()> {
                Err(Error::application(object! { "code" => 7.0 }))
            })
            .mutation("any", |_: &mut MutationCtx<'_>, args: Object| Ok(Value::from(args)))
            .mutation("large", |ctx: &mut MutationCtx<'_>, (): ()| {
                ctx.db().insert(Message { body: "x".repeat(2 << 20) }).map(drop)
            })
            .mutation("uploadUrl", |ctx: &mut MutationCtx<'_>, (): ()| ctx.storage().generate_upload_url())
            .action("echo", |_: ActionCtx<()>, args: Send| async move { Ok(args.body) });
    });
    app.module("inner", Visibility::Internal, (), |module| {
        module.query("secret", |_: &mut QueryCtx<'_>, (): ()| Ok(42.0));
    });
    app.http((), |routes| {
        routes.route(
            "/hello",
            "GET",
            |_: ActionCtx<()>, request: axum::http::Request<HttpBody>| async move {
                Ok(HttpResponse::new(HttpBody::from(format!("hello from {}", request.uri()))))
            },
        );
        routes.route("/who", "POST", |ctx: ActionCtx<()>, _| async move {
            let user = ctx.identity()?;
            Ok(HttpResponse::new(HttpBody::from(
                user.map_or("nobody".to_owned(), |user| user.subject().to_owned()),
            )))
        });
        routes.route("/fail", "GET", |_: ActionCtx<()>, _| async move { Err(Error::function("no")) });
        routes.prefix(
            "/echo/",
            "POST",
            |_: ActionCtx<()>, request: axum::http::Request<HttpBody>| async move {
                Ok(HttpResponse::new(request.into_body()))
            },
        );
    });
    app
}

/// A server that listens until it is dropped.
pub(crate) struct TestServer {
    pub(crate) url: String,
    pub(crate) site_url: String,
    pub(crate) admin_key: String,
    pub(crate) issuer: DevIssuer,
    pub(crate) state: Arc<ServerState>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) served: tokio::task::JoinHandle<Result<()>>,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(configure: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::start_on(Database::open(DatabaseOptions::in_memory()).expect("a database"), configure).await
    }

    /// A server on data that may have been there before.
    pub(crate) async fn start_on(database: Database, configure: impl FnOnce(&mut ServerConfig)) -> Self {
        let main = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let site = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", main.local_addr().expect("an address"));
        let site_url = format!("http://{}", site.local_addr().expect("an address"));
        let admin_keys = AdminKeys::new("carnitas", (**database.secrets()).clone());
        let admin_key = admin_keys.issue();
        let issuer = DevIssuer::new(format!("{url}/dev"), database.secrets()).expect("an issuer");
        let authenticator = Authenticator::new(admin_keys, Arc::new(SystemClock), false)
            .and_then(|authenticator| authenticator.with_built_in(issuer.provider(), &issuer.jwks()))
            .expect("an authenticator");
        let runner = testing::runner_on(database.clone(), application());
        let live = LiveQueries::new(database, Box::new(Arc::downgrade(&runner)), 2);
        live.start().expect("a thread");
        let mut config = ServerConfig {
            version: "0.0.0-test".to_owned(),
            redact_logs: false,
            has_metrics: true,
            dev_issuer: Some(issuer.clone()),
            home: None,
            trusted_proxies: TrustedProxies::default(),
            test_clock: None,
        };
        configure(&mut config);
        let (stop, stopped) = watch::channel(false);
        let authenticator = Arc::new(authenticator);
        let pushes = Pushes::new(runner.clone(), Arc::new(FakeScripts), authenticator.clone(), Vec::new());
        let state = ServerState::new(runner, live, authenticator, pushes, config, stopped.clone());
        let served =
            tokio::spawn(super::serve(state.clone(), main, Some(site), axum::Router::new(), stopped));
        Self { url, site_url, admin_key, issuer, state, stop, served }
    }

    pub(crate) fn token(&self, subject: &str, lifetime_s: i64) -> String {
        let now_ms = self.state.clock().unix_ms();
        let exp = now_ms as i64 / 1000 + lifetime_s;
        let claims = serde_json::json!({"sub": subject, "exp": exp, "iat": exp - lifetime_s - 60});
        let serde_json::Value::Object(claims) = claims else { unreachable!("an object") };
        self.issuer.token(&claims, now_ms).expect("a token")
    }
}
