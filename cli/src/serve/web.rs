//! The pages inside the binary: the developers' dashboard, and with Fusion Chat its widget, the script that embeds it, the
//! operators' dashboard and a demo page. `client-js/build.mjs` makes them.
//!
//! Deliberately absent: state. A page is files; what it shows comes over the sync protocol.

use std::borrow::Cow;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

/// The developers' dashboard.
pub(crate) const DASHBOARD: &str = "/_dashboard";
/// The operators' dashboard.
pub(crate) const CHAT: &str = "/chat";
/// The visitors' chat.
const WIDGET: &str = "/widget";
/// Whose scripts carry the widget's voice calls; they are loaded when somebody calls.
const VOICE_HOST: &str = "c.daily.co";
/// A page with the widget embedded.
pub(crate) const DEMO: &str = "/demo";

/// A link to the developers' dashboard that signs in: the key is in the fragment, which browsers send to no server.
pub(crate) fn signed_in_link(url: &str, admin_key: &str) -> String {
    let key: String = reqwest::Url::parse_with_params("key:", [("key", admin_key)])
        .ok()
        .and_then(|parsed| parsed.query().map(str::to_owned))
        .unwrap_or_default();
    format!("{}{DASHBOARD}#{key}", url.trim_end_matches('/'))
}

/// What every page may load and reach. Connections go to other hosts, too: to issuers, and to where files are.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob: https:; \
    font-src 'self'; media-src 'self' blob:; connect-src 'self' ws: wss: http: https:; worker-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'self'";

/// Who may show a page in a frame.
#[derive(Clone, Copy)]
enum Framed {
    Never,
    /// By pages of this server.
    Here,
    Anywhere,
}

/// A page with everything below its path, or a single file.
#[derive(Clone, Copy)]
struct Mount {
    path: &'static str,
    is_page: bool,
    framed: Framed,
    frames: &'static str,
}

const fn page(path: &'static str, framed: Framed, frames: &'static str) -> Mount {
    Mount { path, is_page: true, framed, frames }
}

const fn file(path: &'static str) -> Mount {
    Mount { path, is_page: false, framed: Framed::Never, frames: "'none'" }
}

const ALWAYS: &[Mount] = &[
    page(DASHBOARD, Framed::Never, "'none'"),
    file("/client.js"),
    file("/client-preact.js"),
    file("/client-react.js"),
];

const WITH_CHAT: &[Mount] = &[
    page(WIDGET, Framed::Anywhere, "'none'"),
    page(CHAT, Framed::Never, "'self'"),
    page(DEMO, Framed::Here, "'self'"),
    file("/embed.js"),
];

#[derive(RustEmbed)]
#[folder = "../client-js/dist"]
#[allow_missing = true]
struct Built;

/// Where the files are.
enum Files {
    Inside,
    Folder(PathBuf),
}

/// A file's content, and the beginning of its SHA-256.
struct Content {
    bytes: Cow<'static, [u8]>,
    hash: [u8; 8],
}

impl Content {
    fn new(bytes: Cow<'static, [u8]>, sha256: &[u8; 32]) -> Self {
        let mut hash = [0; 8];
        hash.copy_from_slice(&sha256[..8]);
        Self { bytes, hash }
    }
}

impl Files {
    fn get(&self, name: &str) -> Option<Content> {
        match self {
            Self::Inside => Built::get(name).map(|file| {
                let sha256 = file.metadata.sha256_hash();
                Content::new(file.data, &sha256)
            }),
            Self::Folder(folder) => {
                let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
                let bytes = is_plain.then(|| fs::read(folder.join(name)).ok()).flatten()?;
                let sha256 = Sha256::digest(&bytes).into();
                Some(Content::new(Cow::Owned(bytes), &sha256))
            }
        }
    }
}

/// Serves the pages, those of Fusion Chat if it is on, from `folder` instead of the binary if there is one.
///
/// The operators' pages may load the scripts of `script_host`, which signs operators in, if there is one.
pub(super) fn router(has_chat: bool, folder: Option<PathBuf>, script_host: Option<&str>) -> Router {
    let for_all: Arc<str> = POLICY.into();
    let for_chat = script_host.map_or_else(|| for_all.clone(), |host| policy_with_scripts_of(host).into());
    let for_widget: Arc<str> = policy_with_scripts_of(VOICE_HOST).into();
    let files = Arc::new(folder.map_or(Files::Inside, Files::Folder));
    let mut router = Router::new();
    for mount in ALWAYS.iter().chain(if has_chat { WITH_CHAT } else { &[] }) {
        let files = files.clone();
        let policy = match mount.path {
            CHAT => &for_chat,
            WIDGET => &for_widget,
            _ => &for_all,
        };
        let policy = policy.clone();
        let serve = any(async move |request: Request| answer(&files, *mount, &policy, &request));
        router = router.route(mount.path, serve.clone());
        if mount.is_page {
            router = router.route(&format!("{}/{{*rest}}", mount.path), serve);
        }
    }
    router
}

/// The policy of pages that load scripts of another host, which start workers of their own.
fn policy_with_scripts_of(host: &str) -> String {
    POLICY
        .replace("script-src 'self'", &format!("script-src 'self' https://{host}"))
        .replace("worker-src 'self'", "worker-src 'self' blob:")
}

fn answer(files: &Files, mount: Mount, policy: &str, request: &Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    let path = request.uri().path();
    let name = path.trim_start_matches('/').trim_end_matches('/');
    let is_file = name.rsplit('/').next().is_some_and(|last| last.contains('.'));
    // What is no file is a view of the page, which finds its way by the path.
    let index = format!("{}/index.html", mount.path.trim_start_matches('/'));
    let name = if is_file { name } else { &index };
    let Some(plain) = files.get(name) else { return missing(is_file && mount.is_page) };

    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, content_type(name));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::VARY, "accept-encoding");
    // Files of a page have a hash of their content in the name; the others are asked for again each time.
    let is_named_by_content = mount.is_page && is_file && !name.ends_with(".html");
    set(
        header::CACHE_CONTROL,
        if is_named_by_content { "public, max-age=31536000, immutable" } else { "no-cache" },
    );
    let tag = format!("\"{:016x}\"", u64::from_be_bytes(plain.hash));
    set(header::ETAG, &tag);
    if name.ends_with(".html") {
        let ancestors = match mount.framed {
            Framed::Never => "'none'",
            Framed::Here => "'self'",
            Framed::Anywhere => "*",
        };
        let policy = format!("{policy}; frame-src {}; frame-ancestors {ancestors}", mount.frames);
        set(header::CONTENT_SECURITY_POLICY, &policy);
        set(header::REFERRER_POLICY, "same-origin");
    } else {
        // Pages of other sites load the scripts.
        set(HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
        set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    }
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let takes_gzip = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("gzip"));
    let is_gzip = request.headers().get(header::ACCEPT_ENCODING).is_some_and(takes_gzip);
    if is_gzip && let Some(compressed) = files.get(&format!("{name}.gz")) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return (headers, compressed.bytes).into_response();
    }
    (headers, plain.bytes).into_response()
}

fn missing(is_file_of_page: bool) -> Response {
    let text = if is_file_of_page {
        "There is no such file."
    } else {
        "This binary was built without its pages. Build them with `make web`, then build it again."
    };
    (StatusCode::NOT_FOUND, text).into_response()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;

    use super::*;

    fn ask(folder: &Path, path: &str, headers: &[(&str, &str)]) -> Response {
        let mount = |mount: &&Mount| {
            path == mount.path || (mount.is_page && path.starts_with(&format!("{}/", mount.path)))
        };
        let mount = ALWAYS.iter().chain(WITH_CHAT).find(mount).expect("a mount");
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        answer(&Files::Folder(folder.to_owned()), *mount, POLICY, &request)
    }

    fn header(response: &Response, name: &str) -> String {
        response.headers().get(name).map(|value| value.to_str().unwrap_or("").to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_link_carries_the_key_where_no_server_sees_it() {
        assert_eq!(
            signed_in_link("http://127.0.0.1:3210/", "fusion|01 +&#"),
            "http://127.0.0.1:3210/_dashboard#key=fusion%7C01+%2B%26%23"
        );
    }

    #[test]
    fn pages_views_and_files() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("widget")).expect("a folder");
        fs::write(folder.path().join("widget/index.html"), "<!doctype html>").expect("a file");
        fs::write(folder.path().join("widget/main-ABCD.js"), "1").expect("a file");
        fs::write(folder.path().join("widget/main-ABCD.js.gz"), "2").expect("a file");
        fs::write(folder.path().join("secret.txt"), "3").expect("a file");
        let ask = |path, headers: &[(&str, &str)]| ask(folder.path(), path, headers);

        for path in ["/widget", "/widget/", "/widget/any/view"] {
            let page = ask(path, &[]);
            assert_eq!(
                (page.status(), header(&page, "content-type")),
                (StatusCode::OK, "text/html; charset=utf-8".into())
            );
            let policy = header(&page, "content-security-policy");
            assert!(
                policy.contains("script-src 'self';") && policy.ends_with("frame-ancestors *"),
                "{policy}"
            );
            let tag = header(&page, "etag");
            assert_eq!(ask(path, &[("if-none-match", &tag)]).status(), StatusCode::NOT_MODIFIED);
        }
        let script = ask("/widget/main-ABCD.js", &[("accept-encoding", "br, gzip")]);
        assert_eq!(header(&script, "content-encoding"), "gzip");
        assert!(header(&script, "cache-control").contains("immutable"));
        assert_eq!(header(&ask("/widget/main-ABCD.js", &[]), "content-encoding"), "");
        for path in ["/widget/none.js", "/widget/../secret.txt", "/widget//../secret.txt"] {
            assert_eq!(ask(path, &[]).status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(ask("/chat", &[]).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn another_host_gives_scripts_and_nothing_else() {
        let policy = policy_with_scripts_of("clerk.example.com");
        assert!(
            policy.contains("; script-src 'self' https://clerk.example.com; style-src 'self';"),
            "{policy}"
        );
        assert!(policy.contains("; worker-src 'self' blob:;"), "{policy}");
        assert_eq!(policy.len(), POLICY.len() + " https://clerk.example.com blob:".len());
    }
}
