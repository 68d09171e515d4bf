//! What the server and a Node.js process say to each other: [`Request`]s and [`Report`]s, each at the head of a frame.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::js::isolate::{Frame, ScriptError, Thrown};

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum Request<'a> {
    Begin { folder: &'a str, variables: &'a BTreeMap<String, String> },
    Ping,
    Invoke { call: u32, path: &'a str, name: &'a str },
    Analyze { call: u32, path: &'a str, shared: &'a [String] },
    Answer(Answer),
    Cancel { call: u32 },
}

/// An answer to what a call asked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) call: u32,
    pub(super) number: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Failure>,
}

/// Why there is none.
#[derive(Serialize)]
pub(super) struct Failure {
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<String>,
}

/// What the process says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum Report {
    Ready,
    Pong,
    Began {
        call: u32,
    },
    Log {
        call: Option<u32>,
        level: String,
    },
    Syscall {
        call: u32,
        number: u32,
        op: String,
    },
    #[serde(rename_all = "camelCase")]
    StoreBlob {
        call: u32,
        number: u32,
        content_type: String,
        sha256: Option<String>,
    },
    #[serde(rename_all = "camelCase")]
    GetBlob {
        call: u32,
        number: u32,
        storage_id: String,
    },
    Rejected {
        call: Option<u32>,
        error: Described,
    },
    Thrown {
        call: Option<u32>,
        error: Described,
    },
    Done {
        call: u32,
        unawaited: Vec<String>,
    },
    Failed {
        call: u32,
        unawaited: Vec<String>,
        error: Described,
        spent: bool,
    },
}

/// A thrown value as the executor takes it apart.
#[derive(Deserialize)]
pub(super) struct Described {
    name: String,
    message: String,
    frames: Vec<DescribedFrame>,
    data: Option<String>,
}

#[derive(Deserialize)]
struct DescribedFrame {
    function: Option<String>,
    module: String,
    line: u32,
    column: u32,
}

impl From<Described> for ScriptError {
    fn from(described: Described) -> Self {
        let Described { name, message, frames, data } = described;
        let frames = frames.into_iter().map(|DescribedFrame { function, module, line, column }| Frame {
            function,
            module,
            line,
            column,
        });
        Self::Thrown(Box::new(Thrown { name, message, frames: frames.collect(), data }))
    }
}
