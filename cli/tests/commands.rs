//! The built binary: one server on a free port, and every command against it.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value as Json, json};

type Fallible<T = ()> = Result<T, Box<dyn Error>>;

/// What could say something else than the test does.
const ENVIRONMENT: [&str; 11] = [
    "CONVEX_SELF_HOSTED_URL",
    "CONVEX_SELF_HOSTED_ADMIN_KEY",
    "DATA_DIR",
    "PORT",
    "SITE_PROXY_PORT",
    "INSTANCE_NAME",
    "INSTANCE_SECRET",
    "CONVEX_CLOUD_ORIGIN",
    "CONVEX_SITE_ORIGIN",
    "AUTH_PROVIDERS",
    "RUST_LOG",
];

fn fusion(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fusion"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for name in ENVIRONMENT {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end: exit code, stdout, stderr.
fn output(command: &mut Command) -> Fallible<(i32, String, String)> {
    let Output { status, stdout, stderr } = command.output()?;
    let code = status.code().ok_or("ended by a signal")?;
    Ok((code, String::from_utf8(stdout)?, String::from_utf8(stderr)?))
}

/// A server in a folder of its own; killed when the value is dropped.
struct Server {
    child: Child,
    ready: Json,
}

impl Server {
    fn start(folder: &Path, arguments: &[&str]) -> Fallible<Self> {
        let ready_file = folder.join("ready.json");
        let log = fs::File::create(folder.join("log"))?;
        let mut command = fusion(folder, arguments);
        // Container files like to set variables to nothing, which must count as not set.
        for name in
            ENVIRONMENT.iter().chain(&["STORAGE_DIR", "REDACT_LOGS_TO_CLIENT", "HTTP_SERVER_TIMEOUT_SECONDS"])
        {
            command.env(name, "");
        }
        let mut child = command
            .args(["--port", "0", "--site-port", "0", "--ready-file", "ready.json"])
            .stderr(log)
            .spawn()?;
        for _ in 0..6_000 {
            if let Ok(text) = fs::read(&ready_file) {
                return Ok(Self { child, ready: serde_json::from_slice(&text)? });
            }
            if let Some(status) = child.try_wait()? {
                return Err(format!("{status}: {}", fs::read_to_string(folder.join("log"))?).into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("the server was not ready in a minute".into())
    }

    fn text(&self, field: &str) -> &str {
        self.ready[field].as_str().unwrap_or_default()
    }

    /// Asks it to stop; its exit code.
    fn stop(mut self, signal: &str) -> Fallible<Option<i32>> {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status()?;
        for _ in 0..1_000 {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.code());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("it did not stop within ten seconds".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_command_works_against_a_running_server() -> Fallible {
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let server = Server::start(folder, &["dev"])?;
    assert_eq!(server.ready["pid"], json!(server.child.id()));
    assert_eq!(server.text("dashboardUrl"), format!("{}/_dashboard", server.text("url")));
    let done = |arguments: &[&str]| -> Fallible<String> {
        match output(&mut fusion(folder, arguments))? {
            (0, stdout, _) => Ok(stdout),
            failed => Err(format!("{arguments:?}: {failed:?}").into()),
        }
    };

    // A function, with arguments, as a user, and one that fails.
    let seeded: Json = serde_json::from_str(&done(&["run", "system/demo:seed"])?)?;
    assert!(seeded.is_object(), "{seeded}");
    let options = "{paginationOpts: {numItems: 5, cursor: null}}";
    let identity = r#"{"subject": "user_demo", "orgId": "org_demo"}"#;
    let page = done(&["run", "api.private.conversations.getMany", options, "--identity", identity])?;
    assert_eq!(serde_json::from_str::<Json>(&page)?["isDone"], json!(true), "{page}");
    let (code, stdout, stderr) = output(&mut fusion(folder, &["run", "nowhere:nothing"]))?;
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains("Could not find function"), "{stderr}");
    assert!(stderr.contains("hint: fusion function-spec"), "{stderr}");
    let (code, _, stderr) = output(&mut fusion(folder, &["run", "a:b", "not json"]))?;
    assert_eq!(code, 2, "{stderr}");

    // Tables and documents.
    let tables = done(&["data"])?;
    assert!(tables.lines().any(|table| table == "conversations"), "{tables}");
    let table = "widgetSettings";
    let lines = done(&["data", table, "--format", "jsonl", "--limit", "1"])?;
    let document: Json = serde_json::from_str(lines.lines().next().unwrap_or_default())?;
    let id = document["_id"].as_str().ok_or("a document without an id")?;
    assert!(done(&["data", table])?.lines().nth(2).is_some_and(|row| row.contains(id)));
    let array: Json = serde_json::from_str(&done(&["data", table, "--format", "json", "--order", "asc"])?)?;
    assert!(array.as_array().is_some_and(|documents| !documents.is_empty()));
    assert_eq!(output(&mut fusion(folder, &["data", "nowhere", "--format", "jsonl"]))?.1, "");

    // Documents come in from files and go out in a snapshot, which comes in again.
    fs::write(folder.join("notes.csv"), "title,stars\none,1\n\"t,wo\",2.5\n")?;
    done(&["import", "--table", "notes", "notes.csv"])?;
    let (code, _, stderr) = output(&mut fusion(folder, &["import", "--table", "notes", "notes.csv"]))?;
    assert!(code == 1 && stderr.contains("notes.csv: Table notes already exists."), "{stderr}");
    assert!(stderr.contains("hint: fusion import --table notes --append notes.csv"), "{stderr}");
    fs::write(folder.join("more.jsonl"), "{\"title\":\"three\",\"stars\":3}\n")?;
    done(&["import", "--table", "notes", "--append", "more.jsonl"])?;
    let (code, _, stderr) =
        output(&mut fusion(folder, &["import", "--table", "notes", "--replace", "more.jsonl"]))?;
    let hint = "hint: fusion import --table notes --replace --yes more.jsonl";
    assert!(code == 1 && stderr.contains(hint), "{stderr}");
    let (code, _, stderr) = output(&mut fusion(folder, &["import", "--table", "notes", "sub/notes.csv"]))?;
    assert!(code == 1 && stderr.contains("sub/notes.csv: there is no such file"), "{stderr}");
    let (code, _, stderr) = output(&mut fusion(folder, &["export", "--path", "sub/snapshot.zip"]))?;
    assert!(code == 1 && stderr.contains("hint: mkdir -p sub"), "{stderr}");
    fs::write(folder.join("bad.jsonl"), "{}\n{\n")?;
    let (code, _, stderr) =
        output(&mut fusion(folder, &["import", "--table", "notes", "--append", "bad.jsonl"]))?;
    assert!(code == 1 && stderr.contains("bad.jsonl: Line 2: "), "{stderr}");
    let (code, _, stderr) = output(&mut fusion(folder, &["import", "notes.csv"]))?;
    assert!(code == 2 && stderr.contains("hint: fusion import --table TABLE notes.csv"), "{stderr}");
    assert_eq!(done(&["data", "notes", "--format", "jsonl"])?.lines().count(), 3);
    assert_eq!(done(&["export", "--path", "snapshot.zip"])?, "snapshot.zip\n");
    assert_eq!(output(&mut fusion(folder, &["export", "--path", "snapshot.zip"]))?.0, 1);
    fs::write(folder.join("empty.json"), "[]")?;
    done(&["import", "--table", "notes", "--replace", "--yes", "empty.json"])?;
    assert_eq!(done(&["data", "notes", "--format", "jsonl"])?, "");
    done(&["import", "--replace-all", "--yes", "snapshot.zip"])?;
    assert_eq!(done(&["data", "notes", "--format", "jsonl"])?.lines().count(), 3);

    // What functions did.
    let logs = done(&["logs", "--once", "--success"])?;
    assert!(logs.contains("[M(system/demo:seed)] Function executed in"), "{logs}");
    // What the commands have asked by themselves is not among it.
    assert!(!logs.contains("_system/"), "{logs}");
    let logs = done(&["logs", "--once", "--jsonl", "--history", "2"])?;
    assert_eq!(logs.lines().count(), 2);
    serde_json::from_str::<Json>(logs.lines().next().unwrap_or_default())?;

    // Environment variables, in every way they can be set.
    done(&["env", "set", "GREETING", "hello world"])?;
    done(&["env", "set", "EQUALS=a=b"])?;
    fs::write(folder.join("secret"), "-s3cret#\n")?;
    done(&["env", "set", "SECRET", "--from-file", "secret"])?;
    assert_eq!(done(&["env", "get", "GREETING"])?, "hello world\n");
    assert_eq!(done(&["env", "get", "SECRET"])?, "-s3cret#\n");
    assert_eq!(done(&["env", "list"])?, "EQUALS=a=b\nGREETING=hello world\nSECRET='-s3cret#'\n");
    assert_eq!(done(&["env", "list", "--names-only"])?, "EQUALS\nGREETING\nSECRET\n");
    fs::write(folder.join("vars"), "GREETING=bye\nNEW=\"two\\nlines\"\nCONVEX_DEPLOYMENT=x\n")?;
    let (code, _, stderr) = output(&mut fusion(folder, &["env", "set", "--from-file", "vars"]))?;
    assert_eq!(code, 1);
    assert!(stderr.contains("GREETING") && stderr.contains("--force"), "{stderr}");
    done(&["env", "set", "--from-file", "vars", "--force"])?;
    done(&["env", "remove", "EQUALS"])?;
    done(&["env", "rm", "EQUALS"])?;
    let variables: Json = serde_json::from_str(&done(&["env", "list", "--json"])?)?;
    assert_eq!(variables, json!({"GREETING": "bye", "NEW": "two\nlines", "SECRET": "-s3cret#"}));
    assert_eq!(output(&mut fusion(folder, &["env", "get", "EQUALS"]))?.0, 1);
    let (code, _, stderr) = output(&mut fusion(folder, &["env", "set", "1BAD", "x"]))?;
    assert!(code == 1 && stderr.contains("EnvironmentVariableNameInvalid"), "{stderr}");

    // What there is to call, for programs and for TypeScript.
    let spec: Json = serde_json::from_str(&done(&["function-spec"])?)?;
    assert_eq!(spec["url"], json!(server.text("url")));
    let functions = spec["functions"].as_array().ok_or("no functions")?;
    assert!(functions.iter().any(|function| function["identifier"] == "private/conversations.js:getMany"));
    done(&["codegen"])?;
    let declarations = fs::read_to_string(folder.join("convex/_generated/api.d.ts"))?;
    assert!(declarations.contains("getMany: FunctionReference<\"query\", \"public\", {"), "{declarations}");
    assert!(fs::read_to_string(folder.join("convex/_generated/api.js"))?.contains("anyApi"));

    // The admin key can be made anew, and another deployment's is refused.
    assert_eq!(done(&["keygen", "admin-key"])?.trim_end(), server.text("adminKey"));
    let secret = "0".repeat(64);
    let arguments = ["keygen", "admin-key", "--instance-name", "other", "--instance-secret", &secret];
    let other = done(&arguments)?;
    let (url, other) = (server.text("url"), other.trim_end());
    let (code, _, stderr) = output(&mut fusion(folder, &["data", "--url", url, "--admin-key", other]))?;
    assert!(code == 1 && stderr.contains("BadDeployKey") && stderr.contains("hint: "), "{stderr}");

    // A deployment named in the environment or in a file is found from anywhere.
    let elsewhere = tempfile::tempdir()?;
    let key = server.text("adminKey");
    let mut named = fusion(elsewhere.path(), &["data"]);
    named.env("CONVEX_SELF_HOSTED_URL", url).env("CONVEX_SELF_HOSTED_ADMIN_KEY", key);
    assert_eq!(output(&mut named)?.0, 0);
    let (code, _, stderr) = output(&mut fusion(elsewhere.path(), &["data"]))?;
    assert!(code == 1 && stderr.contains("hint: start one with `fusion dev`"), "{stderr}");
    let file = format!("CONVEX_SELF_HOSTED_URL='{url}'\nCONVEX_SELF_HOSTED_ADMIN_KEY='{key}'\n");
    fs::write(elsewhere.path().join(".env.local"), file)?;
    assert_eq!(output(&mut fusion(elsewhere.path(), &["data"]))?.0, 0);

    // The data folder is taken; one sentence says so.
    let second = ["serve", "--port", "0", "--site-port", "0"];
    let (code, _, stderr) = output(&mut fusion(folder, &second))?;
    assert_eq!((code, stderr.matches("error:").count()), (1, 1), "{stderr}");
    assert!(stderr.contains(".fusion"), "{stderr}");

    // It stops when asked to, leaves no trace of running, and comes back with the same key and data.
    let key = key.to_owned();
    assert_eq!(server.stop("-TERM")?, Some(0));
    assert!(!folder.join("ready.json").exists() && !folder.join(".fusion/running.json").exists());
    assert_eq!(output(&mut fusion(folder, &["data"]))?.0, 1);
    for arguments in [&["dev"][..], &["serve", "--interface", "127.0.0.1", "--durability", "relaxed"]] {
        let server = Server::start(folder, arguments)?;
        assert_eq!(server.text("adminKey"), key);
        assert_eq!(done(&["env", "get", "GREETING"])?, "bye\n");
        // What was generated does not make the folder one with an application of its own; `serve` starts with none.
        let has_functions = done(&["function-spec"])?.contains("getMany");
        assert_eq!(has_functions, arguments == ["dev"]);
        assert_eq!(server.stop("-INT")?, Some(0));
    }
    Ok(())
}

#[test]
fn a_wrong_command_line_is_exit_code_two() -> Fallible {
    let folder = tempfile::tempdir()?;
    for arguments in
        [&["nonsense"][..], &["run"], &["serve", "--port", "x"], &["dev", "--convex-origin", "http://x"]]
    {
        assert_eq!(output(&mut fusion(folder.path(), arguments))?.0, 2, "{arguments:?}");
    }
    let secret = ["serve", "--instance-secret", "abc", "--port", "0", "--site-port", "0"];
    let (code, _, stderr) = output(&mut fusion(folder.path(), &secret))?;
    assert!(code == 2 && stderr.contains("hint: "), "{stderr}");
    let (code, _, stderr) = output(&mut fusion(folder.path(), &["serve", "--auth-providers", "x"]))?;
    assert!(code == 2 && stderr.contains("hint: "), "{stderr}");
    let (code, _, stderr) =
        output(fusion(folder.path(), &["serve"]).env("APPLICATION_MAX_CONCURRENT_QUERIES", "many"))?;
    assert!(code == 2 && stderr.contains("APPLICATION_MAX_CONCURRENT_QUERIES"), "{stderr}");
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_named() -> Fallible {
    let folder = tempfile::tempdir()?;
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let port = taken.local_addr()?.port().to_string();
    let (code, _, stderr) = output(&mut fusion(folder.path(), &["dev", "--app", "none", "--port", &port]))?;
    assert!(code == 1 && stderr.contains(&port) && stderr.contains("--port 0"), "{stderr}");
    Ok(())
}
