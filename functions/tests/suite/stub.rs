//! [`Stub`]: an outside service on this machine, which keeps what it was sent and answers as it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value as Json, json};

/// A request as it was on the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON body: {error}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// How a request is answered.
#[derive(Debug)]
pub(crate) enum Reply {
    /// With a status, headers and a body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// With a stream of events. The connection is closed after the last part.
    Stream(Vec<Part>),
    /// Not at all: the connection is closed.
    Hangup,
    /// Not at all: the connection stays open until the caller gives up.
    Silence,
}

/// A part of a stream.
#[derive(Debug)]
pub(crate) enum Part {
    /// Bytes to send.
    Bytes(Vec<u8>),
    /// Wait until the test says so.
    Gate(Receiver<()>),
    /// Wait until the caller gives up.
    Silence,
}

impl Reply {
    pub(crate) fn json(body: &Json) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Whole(200, headers, body.to_string().into_bytes())
    }

    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self::Whole(status, Vec::new(), body.as_bytes().to_vec())
    }

    /// A refusal that says when to come back.
    pub(crate) fn retry_after(status: u16, after: &str) -> Self {
        Self::Whole(status, vec![("retry-after", after.to_owned())], b"{}".to_vec())
    }

    /// A stream of chat completion chunks, and its end.
    pub(crate) fn chunks(chunks: &[Json]) -> Self {
        let mut parts: Vec<Part> = chunks.iter().map(Part::data).collect();
        parts.push(Part::Bytes(b"data: [DONE]\n\n".to_vec()));
        Self::Stream(parts)
    }

    /// A whole answer of text.
    pub(crate) fn text(text: &str) -> Self {
        Self::chunks(&[delta(&json!({ "role": "assistant", "content": text })), finish("stop"), usage(20, 5)])
    }

    /// The use of a tool.
    pub(crate) fn tool(id: &str, name: &str, arguments: &str) -> Self {
        let call = json!({
            "index": 0, "id": id, "type": "function", "function": { "name": name, "arguments": arguments },
        });
        Self::chunks(&[delta(&json!({ "tool_calls": [call] })), finish("tool_calls"), usage(10, 2)])
    }
}

impl Part {
    pub(crate) fn data(json: &Json) -> Self {
        Self::Bytes(format!("data: {json}\n\n").into_bytes())
    }

    /// A gate, and what opens it.
    pub(crate) fn gate() -> (Self, Sender<()>) {
        let (open, gate) = mpsc::channel();
        (Self::Gate(gate), open)
    }
}

/// A chunk that adds something.
pub(crate) fn delta(delta: &Json) -> Json {
    json!({ "id": "c", "object": "chat.completion.chunk", "choices": [{ "index": 0, "delta": delta }] })
}

/// A chunk that says why the model stopped.
pub(crate) fn finish(reason: &str) -> Json {
    json!({ "id": "c", "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

/// A chunk that says what was consumed.
pub(crate) fn usage(prompt: u32, completion: u32) -> Json {
    let usage = json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
    });
    json!({ "id": "c", "choices": [], "usage": usage })
}

type Handler = Box<dyn FnMut(&Received) -> Reply + Send>;

/// See the module's documentation.
pub(crate) struct Stub {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Stub {
    /// A service that answers by a function of the request.
    pub(crate) fn new(handler: impl FnMut(&Received) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let handler: Arc<Mutex<Handler>> = Arc::new(Mutex::new(Box::new(handler)));
        let kept = received.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, handler) = (kept.clone(), handler.clone());
                // A caller that gives up is none of the stub's business.
                thread::spawn(move || drop(serve(stream, &kept, &handler)));
            }
        });
        Self { url, received }
    }

    /// A service that gives these answers, one after the other.
    pub(crate) fn answering(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: Vec<Reply> = replies.into_iter().collect();
        replies.reverse();
        Self::new(move |_| replies.pop().unwrap_or_else(|| Reply::status(404, "no answer is left")))
    }

    /// What it was sent so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    received: &Mutex<Vec<Received>>,
    handler: &Mutex<Handler>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut request = Received { method, path, ..Received::default() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = request.header("content-length").parse().unwrap_or(0);
    request.body = vec![0; length];
    reader.read_exact(&mut request.body)?;
    received.lock().unwrap().push(request.clone());
    let reply = (handler.lock().unwrap())(&request);
    // Until the caller closes the connection.
    let mut wait = move || drop(reader.read(&mut [0; 1]));
    match reply {
        Reply::Whole(status, headers, body) => {
            let mut head =
                format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            stream.write_all(head.as_bytes())?;
            stream.write_all(b"\r\n")?;
            stream.write_all(&body)?;
        }
        Reply::Stream(parts) => {
            stream.write_all(
                b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n",
            )?;
            for part in parts {
                match part {
                    Part::Bytes(bytes) => stream.write_all(&bytes)?,
                    Part::Gate(gate) => drop(gate.recv()),
                    Part::Silence => wait(),
                }
            }
        }
        Reply::Hangup => {}
        Reply::Silence => wait(),
    }
    stream.shutdown(Shutdown::Both)
}
