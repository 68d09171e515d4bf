//! Web APIs: the prelude's JavaScript and the ops below it.
//!
//! `core.js` is there from the start; every other module loads when one of its globals is first touched, or when
//! another module needs it (`internals.need`). What is not here (`WebSocket`, `Worker`, `navigator`, …) is simply not
//! defined; `WebAssembly` is here for engines that have none.
//!
//! - [`body`]: bodies that stream between scripts and the host;
//! - [`fetch`]: requests to other servers;
//! - the rest is private: addresses, encodings, forms, compression, timers, and the basics.

use super::op::{OpError, OpTable};
use super::prelude::PreludeModule;
use super::state::Phase;

pub mod arguments;
mod basics;
pub mod body;
pub mod crypto;
mod encoding;
pub mod fetch;
mod form;
pub mod intl;
mod timers;
mod url;
mod zlib;

/// Every table of ops that the prelude finds.
pub const OP_TABLES: &[OpTable] = &[
    basics::OPS,
    body::OPS,
    encoding::OPS,
    fetch::OPS,
    form::OPS,
    timers::OPS,
    url::OPS,
    zlib::OPS,
    crypto::OPS,
    intl::OPS,
];

/// The prelude's modules for the web APIs.
pub const PRELUDE: &[PreludeModule] = &[
    PreludeModule { name: "core", source: include_str!("core.js"), globals: &[], eager: true },
    lazy("utc_date", include_str!("utc_date.js"), &[]),
    lazy("weak", include_str!("weak.js"), &["WeakRef", "FinalizationRegistry"]),
    lazy("process", include_str!("process.js"), &["process"]),
    lazy("inspect", include_str!("inspect.js"), &[]),
    lazy("console", include_str!("console.js"), &["console"]),
    lazy("iterators", include_str!("iterators.js"), &[]),
    lazy("url", include_str!("url.js"), &["URL", "URLSearchParams"]),
    lazy("encoding", include_str!("encoding.js"), &["TextEncoder", "TextDecoder"]),
    lazy(
        "events",
        include_str!("events.js"),
        &["Event", "EventTarget", "CustomEvent", "ErrorEvent", "MessageEvent"],
    ),
    lazy("abort", include_str!("abort.js"), &["AbortController", "AbortSignal"]),
    lazy("structured_clone", include_str!("structured_clone.js"), &["structuredClone"]),
    lazy("message_channel", include_str!("message_channel.js"), &["MessageChannel", "MessagePort"]),
    lazy("bytes", include_str!("bytes.js"), &[]),
    lazy("blob", include_str!("blob.js"), &["Blob", "File"]),
    lazy("form_data", include_str!("form_data.js"), &["FormData"]),
    lazy("headers", include_str!("headers.js"), &["Headers"]),
    lazy("body", include_str!("body.js"), &[]),
    lazy("request_response", include_str!("request_response.js"), &["Request", "Response"]),
    lazy("fetch", include_str!("fetch.js"), &["fetch"]),
    lazy("http_action", include_str!("http_action.js"), &[]),
    lazy(
        "web_streams_polyfill",
        concat!(
            "const exports = {}, module = {};\n",
            include_str!("vendor/web-streams-polyfill.js"),
            "\ninternals.web_streams_polyfill = exports;"
        ),
        &[],
    ),
    lazy(
        "streams",
        include_str!("streams.js"),
        &[
            "ReadableStream",
            "ReadableStreamDefaultReader",
            "ReadableStreamBYOBReader",
            "ReadableStreamDefaultController",
            "ReadableByteStreamController",
            "ReadableStreamBYOBRequest",
            "WritableStream",
            "WritableStreamDefaultWriter",
            "WritableStreamDefaultController",
            "TransformStream",
            "TransformStreamDefaultController",
            "ByteLengthQueuingStrategy",
            "CountQueuingStrategy",
        ],
    ),
    lazy(
        "encoding_streams",
        include_str!("encoding_streams.js"),
        &["TextEncoderStream", "TextDecoderStream"],
    ),
    lazy("compression", include_str!("compression.js"), &["CompressionStream", "DecompressionStream"]),
    lazy(
        "timers",
        include_str!("timers.js"),
        &["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"],
    ),
    lazy(
        "performance",
        include_str!("performance.js"),
        &["performance", "Performance", "PerformanceEntry", "PerformanceMark", "PerformanceMeasure"],
    ),
    lazy("crypto", include_str!("crypto.js"), &["crypto", "Crypto"]),
    lazy("async_context", include_str!("async_context.js"), &["AsyncLocalStorage", "AsyncContext"]),
    lazy("webassembly", include_str!("webassembly.js"), &["WebAssembly"]),
];

/// Every part of the prelude for the web APIs.
pub const PRELUDES: &[&[PreludeModule]] = &[PRELUDE, crypto::PRELUDE, intl::PRELUDE];

const fn lazy(name: &'static str, source: &'static str, globals: &'static [&'static str]) -> PreludeModule {
    PreludeModule { name, source, globals, eager: false }
}

/// The error of something that only actions may use.
fn refused(phase: Phase, what: &str) -> OpError {
    let message = if phase == Phase::Import {
        format!("Can't use {what} at import time. Call it inside of an action instead.")
    } else {
        format!(
            "Can't use {what} in queries and mutations. Please consider using an action. See https://docs.convex.dev/functions/actions for more details."
        )
    };
    OpError::new("Error", message)
}
