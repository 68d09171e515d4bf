//! Actions in Node.js beside the same in an isolate, and beside a bare Node.js that answers lines: the time of a call
//! when a process is there, and when one has to be started.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use fusion_runtime::clock::Moment;
use fusion_tests::process::Server;
use fusion_tests::sync::{ServerMessage, action_message};

use crate::load::Exchange;
use crate::report::{head, millis, percentile, row};
use crate::setup::{Options, sibling};
use crate::typescript::{deploy, paced};

/// Calls of a client that rests between them.
const CALLS: usize = 400;
const PAUSE: Duration = Duration::from_millis(5);
/// Starts of a process.
const STARTS: usize = 10;
/// A Node.js that answers each line.
const ECHO: &str = "process.stdin.on('data', (data) => process.stdout.write(data))";

pub(crate) async fn run(options: &Options) -> io::Result<()> {
    let (server, _folder) = options.server()?;
    deploy(&server, &Path::new(env!("CARGO_MANIFEST_DIR")).join("js/bench_node"))?;
    head();
    let warm = |path| paced(&server, Actions { path, next: 0 }, CALLS, PAUSE);
    let mut bare = Echo::start()?.times(CALLS)?;
    let mut isolate = warm("inside:add").await?;
    for (what, path) in [("an action in Node.js", "outside:add"), ("one that runs a query", "outside:ask")] {
        // The first one may start a process.
        let mut own = warm(path).await?.split_off(1);
        let p50 = |times: &mut [Duration]| percentile(times, 0.5);
        let ratio = |own: Duration, floor: Duration| own.as_secs_f64() / floor.as_secs_f64();
        let (own, isolate, bare) = (p50(&mut own), p50(&mut isolate), p50(&mut bare));
        let text = format!("{what}, one every {PAUSE:?}, p50; floor: the same in an isolate");
        row(&text, &millis(own), &millis(isolate), ratio(own, isolate), "≤ 5 ms");
        row(
            "the same; floor: a bare Node.js that answers lines",
            &millis(own),
            &millis(bare),
            ratio(own, bare),
            "",
        );
    }
    let (mut cold, mut bare) = (Vec::new(), Vec::new());
    for start in 0..STARTS {
        // Other variables want another process.
        set_variable(&server, &start.to_string())?;
        cold.extend(paced(&server, Actions { path: "outside:add", next: 0 }, 1, Duration::ZERO).await?);
        let begun = Moment::now();
        Echo::start()?.times(1)?;
        bare.push(begun.elapsed());
    }
    let (own, bare) = (percentile(&mut cold, 0.5), percentile(&mut bare, 0.5));
    let what = "an action whose process has to be started, p50; floor: start of a bare Node.js";
    row(what, &millis(own), &millis(bare), own.as_secs_f64() / bare.as_secs_f64(), "≤ 400 ms");
    Ok(())
}

fn set_variable(server: &Server, value: &str) -> io::Result<()> {
    let status = Command::new(sibling("fusion")?)
        .args(["env", "set", "BENCH_START", value, "--url", &server.url, "--admin-key", &server.admin_key])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other("fusion env set failed")) }
}

/// Calls of an action that adds one.
struct Actions {
    path: &'static str,
    next: u32,
}

impl Exchange for Actions {
    fn request(&mut self) -> String {
        self.next += 1;
        action_message(self.next, self.path, &format!(r#"{{"n":{}}}"#, self.next))
    }

    fn answer(&mut self, text: &str) -> io::Result<usize> {
        let message = ServerMessage::parse(text)?;
        match (message.kind, message.success) {
            ("ActionResponse", Some(false)) => Err(io::Error::other(format!("an action failed: {text}"))),
            ("ActionResponse", _) => Ok(1),
            _ => Ok(0),
        }
    }
}

/// A bare Node.js.
struct Echo {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Echo {
    fn start() -> io::Result<Self> {
        let mut process =
            Command::new("node").args(["-e", ECHO]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        match (process.stdin.take(), process.stdout.take()) {
            (Some(requests), Some(answers)) => {
                Ok(Self { process, requests, answers: BufReader::new(answers) })
            }
            _ => Err(io::Error::other("node has no pipes")),
        }
    }

    /// The times of some exchanges.
    fn times(mut self, calls: usize) -> io::Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(calls);
        let mut line = String::new();
        for _ in 0..calls {
            let begun = Moment::now();
            self.requests.write_all(b"{\"n\":1}\n")?;
            self.answers.read_line(&mut line)?;
            times.push(begun.elapsed());
        }
        Ok(times)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
