//! HTTP actions from request to response.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;

use super::app::App;
use crate::auth::Identity;
use crate::function::http::HttpResponse;

const HTTP: &str = r#"
import { httpAction, router, mutation, query, ConvexError } from "./_deps/convex.js";
const hello = httpAction(async (ctx, request) => new Response(`hello ${new URL(request.url).search} ${request.headers.get("x-a")}`, {
  status: 201, headers: { "x-b": "c" },
}));
const echo = httpAction(async (ctx, request) => new Response(await request.text(), { headers: { "content-type": "text/x" } }));
const save = httpAction(async (ctx, request) => {
  const { body } = await request.json();
  await ctx.runMutation("http:insert", { body });
  return Response.json(await ctx.runQuery("http:list"));
});
const fails = httpAction(async () => { throw new ConvexError("no"); });
const streams = httpAction(async () => {
  let n = 0;
  return new Response(new ReadableStream({
    pull(controller) {
      if (n === 3) controller.close();
      else controller.enqueue(new TextEncoder().encode(`${n++};`));
    },
  }));
});
const breaks = httpAction(async () => new Response(new ReadableStream({
  start(controller) { controller.enqueue(new Uint8Array([1])); },
  pull(controller) { controller.error(new Error("midway")); },
})));
const nothing = httpAction(async () => 7);
const passes = httpAction(async (ctx, request) => new Response(request.body));
export const insert = mutation(async (ctx, { body }) => { await ctx.db.insert("t", { body }); });
export const list = query(async (ctx) => (await ctx.db.query("t").collect()).map((d) => d.body));
const text = { echo, passes };
export default router([
  ["/hello", "GET", hello], ["/echo", "POST", echo], ["/save", "POST", save], ["/fails", "GET", fails],
  ["/streams", "GET", streams], ["/breaks", "GET", breaks], ["/nothing", "GET", nothing], ["/passes", "POST", passes],
  ["/files/*", "GET", hello],
]);
"#;

fn ask(app: &App, method: &str, path: &str, body: &str) -> std::result::Result<HttpResponse, String> {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://site{path}?q=1"))
        .header("x-a", "b")
        .body(Body::from(body.to_owned()))
        .unwrap();
    let outcome = app.wait(app.runner.http_action(path, Identity::Anonymous, Arc::default(), request));
    outcome.result.map_err(|error| error.detail().to_owned())
}

fn body(app: &App, response: HttpResponse) -> std::result::Result<String, String> {
    let bytes = app.wait(to_bytes(response.into_body(), 1 << 20)).map_err(|error| format!("{error:?}"))?;
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

#[test]
fn requests_are_answered() {
    let app = App::new(&[("http.js", HTTP)]);
    let response = ask(&app, "GET", "/hello", "").unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["x-b"].as_bytes()), (201, &b"c"[..]));
    assert_eq!(body(&app, response).unwrap(), "hello ?q=1 b");
    assert_eq!(body(&app, ask(&app, "GET", "/files/a/b", "").unwrap()).unwrap(), "hello ?q=1 b");
    let long = "é".repeat(100_000);
    for path in ["/echo", "/passes"] {
        assert_eq!(body(&app, ask(&app, "POST", path, &long).unwrap()).unwrap(), long);
    }
    let saved = ask(&app, "POST", "/save", r#"{"body":"x"}"#).unwrap();
    assert_eq!(body(&app, saved).unwrap(), r#"["x"]"#);
}

#[test]
fn a_prefix_of_the_url_is_no_part_of_the_route() {
    let app = App::new(&[("http.js", HTTP)]);
    let request = Request::builder().uri("http://main/http/hello?q=2").body(Body::empty()).unwrap();
    let outcome = app.wait(app.runner.http_action("/hello", Identity::Anonymous, Arc::default(), request));
    assert_eq!(body(&app, outcome.result.unwrap()).unwrap(), "hello ?q=2 null");
}

#[test]
fn bodies_stream_and_may_break() {
    let app = App::new(&[("http.js", HTTP)]);
    assert_eq!(body(&app, ask(&app, "GET", "/streams", "").unwrap()).unwrap(), "0;1;2;");
    let error = body(&app, ask(&app, "GET", "/breaks", "").unwrap()).unwrap_err();
    assert!(error.contains("midway"), "{error}");
}

#[test]
fn what_handlers_do_wrong_is_told() {
    let app = App::new(&[("http.js", HTTP)]);
    let error = ask(&app, "GET", "/fails", "").unwrap_err();
    assert!(error.starts_with("Uncaught ConvexError: no\n    at "), "{error}");
    let error = ask(&app, "GET", "/nothing", "").unwrap_err();
    assert!(error.contains("HTTP actions must return a Response"), "{error}");
}
