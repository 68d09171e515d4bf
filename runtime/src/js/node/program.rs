//! [`Program`]: the Node.js of this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{NodeAccess, NodeOptions};
use crate::{Error, Result};

/// The oldest version that the executor runs on.
const MAJOR_MIN: u32 = 20;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) version: Version,
}

/// The version of Node.js: major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u32, pub(super) u32);

impl Version {
    /// Reads what `node --version` prints.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().strip_prefix('v')?.split('.');
        Some(Self(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}

impl Program {
    /// Finds it. Blocks.
    ///
    /// # Errors
    /// What to install, or what is wrong with the one that was named.
    pub(super) fn find(options: &NodeOptions) -> Result<Self> {
        let path = match &options.program {
            Some(path) => path.clone(),
            None => on_path(options, "node").ok_or_else(|| {
                unavailable(format!(
                    "Node actions need Node.js {MAJOR_MIN} or newer, and this server's machine has no `node` on its PATH. Install it from https://nodejs.org, or start the server with `--node PROGRAM`."
                ))
            })?,
        };
        let shown = path.display();
        let output = Command::new(&path)
            .arg("--version")
            .env_clear()
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .map_err(|error| {
                unavailable(format!(
                    "Node actions need Node.js {MAJOR_MIN} or newer, but {shown} cannot be started: {error}. Install it, or name another one with `--node PROGRAM`."
                ))
            })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = Version::parse(&text).filter(|_| output.status.success()).ok_or_else(|| {
            unavailable(format!(
                "Node actions need Node.js {MAJOR_MIN} or newer, but {shown} does not tell its version. Name another one with `--node PROGRAM`."
            ))
        })?;
        if version.0 < MAJOR_MIN {
            return Err(unavailable(format!(
                "Node actions need Node.js {MAJOR_MIN} or newer, but {shown} is {}. Install a newer one, or name it with `--node PROGRAM`.",
                text.trim()
            )));
        }
        Ok(Self { path, version })
    }

    /// The arguments that keep actions to what they may reach: `read` are the folders and files that they may read,
    /// `write` is the folder that they may write, too.
    pub(super) fn permissions(&self, access: NodeAccess, read: &[&Path], write: &Path) -> Vec<String> {
        if access == NodeAccess::Full {
            return Vec::new();
        }
        let is_stable = self.version >= Version(24, 0)
            || (self.version.0 == 23 && self.version.1 >= 5)
            || (self.version.0 == 22 && self.version.1 >= 13);
        let mut arguments =
            vec![if is_stable { "--permission" } else { "--experimental-permission" }.to_owned()];
        // What native libraries look for to know the system they run on.
        let system = ["/usr/", "/lib/", "/lib64/", "/bin/", "/etc/ssl/", "/etc/os-release", "/etc/fonts/"];
        let folder = |path: &Path| {
            if path.is_dir() { format!("{}/", path.display()) } else { path.display().to_string() }
        };
        let read = read.iter().copied().chain([write]).map(folder);
        arguments.extend(read.chain(system.map(str::to_owned)).map(|path| format!("--allow-fs-read={path}")));
        arguments.push(format!("--allow-fs-write={}", folder(write)));
        if self.version >= Version(20, 12) && self.version != Version(21, 5) {
            arguments.push("--allow-addons".to_owned());
        }
        if self.version.0 >= 25 {
            arguments.push("--allow-net".to_owned());
        }
        arguments
    }

    /// `npm`: the one beside this program, or on the path.
    pub(super) fn npm(&self, options: &NodeOptions) -> Result<PathBuf> {
        let beside = self.path.parent().map(|folder| folder.join("npm")).filter(|path| path.is_file());
        beside.or_else(|| on_path(options, "npm")).ok_or_else(|| {
            unavailable(
                "External packages need npm, and this server's machine has none beside `node` or on its PATH. Install it, or bundle the packages: remove them from `node.externalPackages` in convex.json."
                    .to_owned(),
            )
        })
    }
}

fn on_path(options: &NodeOptions, name: &str) -> Option<PathBuf> {
    std::env::split_paths(&options.search_path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// No Node actions on this machine.
pub(super) fn unavailable(message: String) -> Error {
    Error::bad_request("NodeActionsNotAvailable", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_decide_how_actions_are_confined() {
        assert_eq!(Version::parse("v20.20.2\n"), Some(Version(20, 20)));
        assert_eq!(Version::parse("20.1"), None);
        let arguments = |version, access| {
            let program = Program { path: PathBuf::from("/usr/bin/node"), version };
            program.permissions(access, &[Path::new("/data/a.mjs")], Path::new("/tmp/none")).join(" ")
        };
        assert_eq!(arguments(Version(20, 20), NodeAccess::Full), "");
        let old = arguments(Version(20, 20), NodeAccess::Sandbox);
        assert!(old.starts_with("--experimental-permission --allow-fs-read=/data/a.mjs "), "{old}");
        assert!(old.ends_with("--allow-fs-write=/tmp/none --allow-addons"), "{old}");
        let new = arguments(Version(25, 1), NodeAccess::Sandbox);
        assert!(new.starts_with("--permission ") && new.ends_with(" --allow-net"), "{new}");
    }

    #[test]
    fn who_has_no_node_is_told_what_to_do() {
        let options = |program: Option<&str>| NodeOptions {
            program: program.map(PathBuf::from),
            search_path: "/nowhere".into(),
            npm_environment: Vec::new(),
            folder: PathBuf::new(),
            access: NodeAccess::Sandbox,
            install_scripts: false,
        };
        let message = |program| Program::find(&options(program)).unwrap_err().message().to_owned();
        assert!(message(None).contains("no `node` on its PATH. Install it"), "{}", message(None));
        assert!(message(Some("/nowhere/node")).contains("/nowhere/node cannot be started"));
        assert!(message(Some("/bin/true")).contains("does not tell its version"));
    }
}
