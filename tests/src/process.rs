//! [`Server`]: a server process on loopback, found through its ready file, killed when the value is dropped.
//!
//! Uses the standard library and `serde_json` only, so that `rust-client/` can include this very file.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// How often the ready file is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How long a server may take to become ready.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a server may take to stop on SIGTERM: the documented 10 seconds and some slack.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// A folder that is removed with its content when the value is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new empty folder below `parent`.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn new(parent: &Path) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("fusion-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = parent.join(name);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What to start.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program.
    pub binary: PathBuf,
    /// Its first arguments, such as `serve`.
    pub arguments: Vec<String>,
    /// The data folder.
    pub data: PathBuf,
    /// The port of the first listener; 0 picks a free one.
    pub port: u16,
}

impl Launch {
    /// The program at `binary` on the data folder `data`, on any free port.
    pub fn new(binary: impl Into<PathBuf>, data: impl Into<PathBuf>) -> Self {
        Self { binary: binary.into(), arguments: Vec::new(), data: data.into(), port: 0 }
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// Fixes the port of the first listener, so that a restarted server is found again.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the process and waits until it is ready.
    ///
    /// # Errors
    /// If the process cannot be started, ends, or is not ready in time; the text holds what it logged.
    pub fn start(&self) -> io::Result<Server> {
        fs::create_dir_all(&self.data)?;
        let ready_file = self.data.with_extension("ready.json");
        let log_file = self.data.with_extension("log");
        let _ = fs::remove_file(&ready_file);
        let log = File::options().create(true).append(true).open(&log_file)?;
        let child = Command::new(&self.binary)
            .args(&self.arguments)
            .arg("--data-dir")
            .arg(&self.data)
            .args([
                "--interface",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
                "--site-port",
                "0",
                "--ready-file",
            ])
            .arg(&ready_file)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut server =
            Server { child, url: String::new(), site_url: String::new(), admin_key: String::new() };
        let polls = START_TIMEOUT.as_millis() / POLL_INTERVAL.as_millis();
        for _ in 0..polls {
            if let Some(ready) = read_ready(&ready_file) {
                let text =
                    |key: &str| ready[key].as_str().unwrap_or_default().trim_end_matches('/').to_owned();
                (server.url, server.site_url, server.admin_key) =
                    (text("url"), text("siteUrl"), text("adminKey"));
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(failed(&format!("the server ended with {status}"), &log_file));
            }
            sleep(POLL_INTERVAL);
        }
        Err(failed("the server was not ready in time", &log_file))
    }
}

/// The ready file, once it is whole.
fn read_ready(path: &Path) -> Option<serde_json::Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn failed(what: &str, log_file: &Path) -> io::Error {
    let log = fs::read_to_string(log_file).unwrap_or_default();
    let tail: Vec<&str> = log.lines().rev().take(30).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    io::Error::other(format!("{what}; its log ends with:\n{}", tail.join("\n")))
}

/// A running server process. Dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The origin of the first listener, such as `http://127.0.0.1:3210`, without a slash at the end.
    pub url: String,
    /// The origin of the listener for HTTP actions.
    pub site_url: String,
    /// An admin key.
    pub admin_key: String,
}

impl Server {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `127.0.0.1:port` of the first listener.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// The port of the first listener.
    pub fn port(&self) -> u16 {
        self.address().rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0)
    }

    /// Resident memory of the process, in bytes.
    ///
    /// # Errors
    /// If the process is gone or the system does not tell.
    pub fn resident_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| io::Error::other("no VmRSS"))
    }

    /// Ends the process with SIGKILL, as a power cut or the out-of-memory killer would.
    ///
    /// # Errors
    /// If the process cannot be waited for.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Asks the process to stop with SIGTERM and waits for its end.
    ///
    /// # Errors
    /// If it does not stop in time or stops with another code than 0.
    pub fn stop(mut self) -> io::Result<()> {
        Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        for _ in 0..STOP_TIMEOUT.as_millis() / POLL_INTERVAL.as_millis() {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(io::Error::other(format!("it stopped with {status}")))
                };
            }
            sleep(POLL_INTERVAL);
        }
        Err(io::Error::other("it did not stop within 15 seconds of SIGTERM"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free now, for servers that are restarted on the same one.
///
/// # Errors
/// If no port is free.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
