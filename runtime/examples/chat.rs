//! A server in one file: a table, three functions, an HTTP action. Run it with
//! `cargo run -p fusion-runtime --example chat -- [port] [data folder]`.

use std::sync::Arc;

use axum::Router;
use fusion_runtime::auth::{AdminKeys, Authenticator, DevIssuer};
use fusion_runtime::clock::SystemClock;
use fusion_runtime::database::{Database, DatabaseOptions};
use fusion_runtime::function::http::{HttpBody, HttpResponse};
use fusion_runtime::function::live::LiveQueries;
use fusion_runtime::function::{
    ActionCtx, Application, Deployment, FunctionRunner, LogLevel, MutationCtx, QueryCtx, Visibility,
};
use fusion_runtime::push::Pushes;
use fusion_runtime::push::scripts::NoScripts;
use fusion_runtime::server::{self, ServerConfig, ServerState};
use fusion_runtime::system::blobs::Blobs;
use fusion_runtime::system::file_storage::FileStorage;
use fusion_runtime::{Error, Result};
use fusion_schema::{Doc, Id, Schema, Table, Typed};
use tokio::net::TcpListener;
use tokio::sync::watch;

#[derive(Clone, Debug, Table)]
#[table(name = "messages", index(name = "by_channel", fields("channel")))]
struct Message {
    channel: String,
    body: String,
}

#[derive(Typed)]
struct Channel {
    channel: String,
}

fn list(ctx: &mut QueryCtx<'_>, args: Channel) -> Result<Vec<Doc<Message>>> {
    ctx.db().query::<Message>().index("by_channel").eq("channel", args.channel).take(100)
}

fn send(ctx: &mut MutationCtx<'_>, args: Message) -> Result<Id<Message>> {
    ctx.log(LogLevel::Log, format!("to {}", args.channel));
    if args.body.is_empty() {
        return Err(Error::application("a message needs a body"));
    }
    ctx.db().insert(args)
}

fn who(ctx: &mut QueryCtx<'_>, (): ()) -> Result<Option<String>> {
    Ok(ctx.identity()?.map(|user| user.subject().to_owned()))
}

fn application() -> Application {
    let mut app = Application::new("chat").schema(Schema::new(vec![Message::definition()]));
    app.module("messages", Visibility::Public, (), |module| {
        module.query("list", list).mutation("send", send).query("who", who);
        module.action(
            "shout",
            |_: ActionCtx<()>, args: Channel| async move { Ok(args.channel.to_uppercase()) },
        );
    });
    app.http((), |routes| {
        routes.route("/hello", "GET", |_: ActionCtx<()>, _| async {
            Ok(HttpResponse::new(HttpBody::from("hello")))
        });
    });
    app
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().and_then(|port| port.parse().ok()).unwrap_or(3210);
    let mut options = DatabaseOptions::in_memory();
    if let Some(folder) = args.next() {
        options = options.with_folder(folder);
    }
    let database = Database::open(options)?;
    let failed = |error: std::io::Error| Error::internal("the port cannot be used").with_source(error);
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
    let origin = format!("http://127.0.0.1:{port}");
    let secrets = database.secrets().clone();
    let admin_keys = AdminKeys::new("chat", (*secrets).clone());
    let issuer = DevIssuer::new(format!("{origin}/dev"), &secrets)?;
    let authenticator = Authenticator::new(admin_keys, Arc::new(SystemClock), false)?
        .with_built_in(issuer.provider(), &issuer.jwks())?;
    let deployment = Deployment {
        name: "chat".to_owned(),
        files: FileStorage::new(Blobs::in_memory(), secrets, origin.clone()),
        database: database.clone(),
        cloud_origin: origin.clone(),
        site_origin: format!("{origin}/http"),
        alarm: Default::default(),
    };
    let registry = application().build()?;
    database.apply_schema(registry.schema())?;
    let runner = FunctionRunner::new(deployment, registry)?;
    let live = LiveQueries::new(database.clone(), Box::new(Arc::downgrade(&runner)), 2);
    live.start()?;
    let config = ServerConfig {
        version: "example".to_owned(),
        redact_logs: false,
        has_metrics: true,
        dev_issuer: Some(issuer),
        home: None,
        trusted_proxies: Default::default(),
        test_clock: None,
    };
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        let _ = stop.send(true);
    });
    let authenticator = Arc::new(authenticator);
    let pushes = Pushes::new(runner.clone(), Arc::new(NoScripts), authenticator.clone(), Vec::new());
    let state = ServerState::new(runner, live, authenticator, pushes, config, stopped.clone());
    server::serve(state, listener, None, Router::new(), stopped).await?;
    database.close();
    Ok(())
}
