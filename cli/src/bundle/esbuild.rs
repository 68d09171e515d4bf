//! Running esbuild: which one, with which options, and what came out.

use std::io::IsTerminal as _;
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;

use serde_json::Value as Json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{Environment, Module, source_map};
use crate::failure::{Failure, Result};
use crate::project::{Project, packages};

/// `node:async_hooks`, of which the server has the part that applications use.
const ASYNC_HOOKS: &str = "data:text/javascript,export const AsyncLocalStorage = globalThis.AsyncLocalStorage; \
     export const AsyncResource = globalThis.AsyncResource; export default { AsyncLocalStorage, AsyncResource };";
/// What is said when a module for the server imports what only Node has.
const NODE_HINT: &str = "move the actions that need Node's own modules to a file with actions only that begins with \"use node\";";

/// The esbuild of a project.
pub(super) struct Esbuild {
    program: PathBuf,
    /// The project's folder, in which it runs.
    root: PathBuf,
}

/// Whose built-in modules there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    Browser,
    Node,
}

/// What a run of esbuild made.
#[derive(Debug, Default)]
pub(super) struct Build {
    pub(super) modules: Vec<Module>,
    /// The project's files it read.
    pub(super) inputs: Vec<PathBuf>,
    pub(super) warnings: Vec<String>,
    /// What esbuild says about it.
    pub(super) metafile: Json,
    /// The folder it wrote to, which is gone.
    pub(super) out: PathBuf,
}

/// A run of esbuild that is being put together.
pub(super) struct Run {
    program: PathBuf,
    root: PathBuf,
    arguments: Vec<String>,
    stdin: Option<String>,
    platform: Platform,
}

impl Esbuild {
    /// Finds the esbuild that belongs to the project's `convex` package.
    pub(super) fn find(project: &Project) -> Result<Self> {
        let convex = project.convex_package()?;
        let missing = || {
            Failure::new("the package `esbuild`, which `convex` brings, is not installed in this project")
                .hint("npm install")
        };
        let package = packages::find(&convex, "esbuild").ok_or_else(missing)?;
        // The script in `esbuild` needs Node only to find this one.
        let native = packages::find(&package, &format!("@esbuild/{}", platform_name()))
            .map(|folder| folder.join("bin/esbuild"))
            .filter(|program| program.is_file());
        let program =
            native.or_else(|| Some(package.join("bin/esbuild")).filter(|program| program.is_file()));
        Ok(Self { program: program.ok_or_else(missing)?, root: project.root.clone() })
    }

    /// A run with the options that every run has.
    pub(super) fn run(&self, platform: Platform) -> Run {
        let name = match platform {
            Platform::Browser => "browser",
            Platform::Node => "node",
        };
        let mut arguments: Vec<String> = [
            "--bundle",
            "--format=esm",
            "--target=esnext",
            "--conditions=convex,module",
            "--keep-names",
            "--log-level=warning",
            // For Next.js, in whose server code it stands.
            "--alias:server-only=data:text/javascript,",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--platform={name}"));
        if platform == Platform::Browser {
            arguments.extend(
                ["async_hooks", "node:async_hooks"].map(|name| format!("--alias:{name}={ASYNC_HOOKS}")),
            );
        }
        Run { program: self.program.clone(), root: self.root.clone(), arguments, stdin: None, platform }
    }
}

impl Run {
    pub(super) fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The options for modules of functions in a folder.
    pub(super) fn functions(self, project: &Project, folder: &Path) -> Self {
        self.arg(format!("--outbase={}", folder.display()))
            .arg("--jsx=automatic")
            .arg("--sourcemap")
            .arg(format!("--sources-content={}", project.settings.bundler.include_sources_content))
            .arg("--tree-shaking=true")
            .arg("--minify-syntax")
            .arg("--minify-identifiers")
            .arg("--define:process.env.NODE_ENV=\"production\"")
    }

    /// What to bundle: files.
    pub(super) fn entries(mut self, entries: &[PathBuf]) -> Self {
        // From the folder it runs in, as errors name them so.
        let relative = entries.iter().map(|path| path.strip_prefix(&self.root).unwrap_or(path));
        self.arguments.extend(relative.map(|path| path.display().to_string()));
        self
    }

    /// What to bundle: a text, as if it were in a file of the project's folder.
    pub(super) fn stdin(mut self, source: &str, name: &str) -> Self {
        self.stdin = Some(source.to_owned());
        self.arg(format!("--sourcefile={name}"))
    }

    /// Runs it and reads what it wrote.
    pub(super) async fn finish(self) -> Result<Build> {
        let folder = tempfile::Builder::new()
            .prefix("fusion-bundle-")
            .tempdir()
            .map_err(|error| Failure::new(format!("no temporary folder can be made: {error}")))?;
        // esbuild writes paths from one file to another through the real folders.
        let folder_path =
            folder.path().canonicalize().map_err(|error| Failure::file(folder.path(), &error))?;
        let (out, metafile) = (folder_path.join("out"), folder_path.join("meta.json"));
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .arg(format!("--metafile={}", metafile.display()))
            .arg(format!("--color={}", std::io::stderr().is_terminal()))
            .current_dir(&self.root)
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.arg(match &self.stdin {
            Some(_) => format!("--outfile={}", out.join("convex.config.js").display()),
            None => format!("--outdir={}", out.display()),
        });
        let not_run = |error: std::io::Error| {
            Failure::new(format!("esbuild ({}) could not be run: {error}", self.program.display()))
                .hint("npm install")
        };
        let mut child = command.spawn().map_err(not_run)?;
        if let (Some(source), Some(mut stdin)) = (&self.stdin, child.stdin.take()) {
            // It says why itself if it does not listen.
            let _ = stdin.write_all(source.as_bytes()).await;
        }
        let output = child.wait_with_output().await.map_err(not_run)?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if !output.status.success() {
            let failure = Failure::new(format!("the functions could not be bundled\n\n{said}\n"));
            let for_node = self.platform == Platform::Browser && said.contains("trying to bundle for node?");
            return Err(if for_node { failure.hint(NODE_HINT) } else { failure });
        }
        let mut build = Build { warnings: Vec::new(), ..self.read(&out, &metafile)? };
        if !said.is_empty() {
            build.warnings.push(said);
        }
        Ok(build)
    }

    /// Reads the modules it wrote.
    fn read(&self, out: &Path, metafile: &Path) -> Result<Build> {
        let text = std::fs::read(metafile).map_err(|error| Failure::file(metafile, &error))?;
        let metafile: Json = serde_json::from_slice(&text)
            .map_err(|error| Failure::new(format!("esbuild's description of the bundle: {error}")))?;
        let mut modules = Vec::new();
        read_modules(out, "", &mut modules)?;
        for module in &mut modules {
            let folder = Path::new(&module.path).parent().unwrap_or(Path::new(""));
            // The official command line writes to `out` in the project's folder.
            let (from, to) = (out.join(folder), self.root.join("out").join(folder));
            module.source_map = module.source_map.take().map(|map| source_map::moved(&map, &from, &to));
        }
        let inputs = metafile.get("inputs").and_then(Json::as_object).into_iter().flatten();
        let inputs = inputs
            .map(|(path, _)| normalized(&self.root.join(path)))
            .filter(|path| {
                path.is_file() && !path.components().any(|part| part.as_os_str() == "node_modules")
            })
            .collect();
        Ok(Build { modules, inputs, warnings: Vec::new(), metafile, out: out.to_owned() })
    }
}

/// The modules below a folder, in the order of their paths.
fn read_modules(folder: &Path, prefix: &str, modules: &mut Vec<Module>) -> Result {
    let entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| Failure::file(folder, &error))?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error));
    for path in paths {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            read_modules(&path, &format!("{name}/"), modules)?;
        } else if name.ends_with(".js") {
            let map = path.with_extension("js.map");
            let source_map = if map.is_file() { Some(read(&map)?) } else { None };
            let environment = Environment::Isolate;
            modules.push(Module { path: name, source: read(&path)?, source_map, environment });
        }
    }
    Ok(())
}

/// A path without `.` and `..`.
pub(super) fn normalized(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

/// What esbuild calls this machine in the names of its packages.
fn platform_name() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        "x86" => "ia32",
        "powerpc64" => "ppc64",
        other => other,
    };
    format!("{system}-{processor}")
}
