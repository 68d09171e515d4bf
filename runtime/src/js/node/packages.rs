//! External packages: what modules for Node.js import without having it in them, installed by npm.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::NodeOptions;
use super::bundle::hex;
use super::program::Program;
use crate::clock::Moment;
use crate::{Error, Result};

/// How long npm may take.
const INSTALL_MAX: Duration = Duration::from_secs(600);
/// How often it is looked after.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);
/// How much of what npm says is told.
const TOLD_MAX: usize = 4_000;
/// How many sets of packages are kept.
const KEPT_MAX: usize = 5;

/// A package with its exact version.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeDependency {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl NodeDependency {
    /// Fails unless it is a name and an exact version.
    ///
    /// # Errors
    /// `InvalidNodeDependency`.
    pub fn check(&self) -> Result<()> {
        let is_name = |text: &str| {
            !text.is_empty()
                && !text.starts_with(['.', '-'])
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-~".contains(c))
        };
        let has_name = match self.name.strip_prefix('@') {
            Some(scoped) => {
                scoped.split_once('/').is_some_and(|(scope, name)| is_name(scope) && is_name(name))
            }
            None => is_name(&self.name),
        };
        let has_version = self.version.starts_with(|c: char| c.is_ascii_digit())
            && self.version.split('.').count() >= 3
            && self.version.chars().all(|c| c.is_ascii_alphanumeric() || ".+-".contains(c));
        if has_name && has_version {
            return Ok(());
        }
        Err(Error::bad_request(
            "InvalidNodeDependency",
            format!(
                "nodeDependencies: \"{}\" with the version \"{}\" is no npm package with an exact version such as 1.2.3.",
                self.name, self.version
            ),
        ))
    }
}

/// Names a set of packages; `None` if it is empty.
pub fn dependencies_id(dependencies: &[NodeDependency]) -> Option<String> {
    if dependencies.is_empty() {
        return None;
    }
    let sorted: BTreeMap<_, _> = dependencies.iter().map(|found| (&found.name, &found.version)).collect();
    let mut hasher = Sha256::new();
    for (name, version) in sorted {
        hasher.update(format!("{name}@{version}\n"));
    }
    Some(hex(&hasher.finalize()))
}

/// Has packages installed, unless they are, and gives the folder that has their `node_modules`. Blocks.
///
/// # Errors
/// What npm says.
pub(super) fn install(
    program: &Program,
    options: &NodeOptions,
    dependencies: &[NodeDependency],
) -> Result<Option<PathBuf>> {
    let Some(id) = dependencies_id(dependencies) else { return Ok(None) };
    dependencies.iter().try_for_each(NodeDependency::check)?;
    let packages = options.folder.join("packages");
    // Another version of Node.js wants other native libraries; scripts that have run may have made some.
    let scripts = if options.install_scripts { "-scripts" } else { "" };
    let folder = packages.join(format!("{id}-node{}{scripts}", program.version.0));
    if folder.join("node_modules").is_dir() {
        return Ok(Some(folder));
    }
    let npm = program.npm(options)?;
    let partial = folder.with_extension("partial");
    let written = || -> std::io::Result<()> {
        if partial.exists() {
            std::fs::remove_dir_all(&partial)?;
        }
        std::fs::create_dir_all(&partial)?;
        let wanted: BTreeMap<_, _> = dependencies.iter().map(|found| (&found.name, &found.version)).collect();
        let manifest = serde_json::json!({"private": true, "dependencies": wanted});
        std::fs::write(partial.join("package.json"), manifest.to_string())
    };
    written().map_err(|error| not_installed(dependencies, &error.to_string()))?;
    let result = run_npm(program, &npm, options, &partial);
    let log = std::fs::read_to_string(partial.join("npm.log")).unwrap_or_default();
    if let Err(what) = result {
        let _ = std::fs::remove_dir_all(&partial);
        let from = log.ceil_char_boundary(log.len().saturating_sub(TOLD_MAX));
        return Err(not_installed(dependencies, &format!("{what}\n{}", log[from..].trim())));
    }
    std::fs::rename(&partial, &folder).map_err(|error| not_installed(dependencies, &error.to_string()))?;
    forget_old(&packages, &folder);
    Ok(Some(folder))
}

fn run_npm(program: &Program, npm: &Path, options: &NodeOptions, folder: &Path) -> Result<(), String> {
    let log = File::create(folder.join("npm.log")).map_err(|error| error.to_string())?;
    let errors = log.try_clone().map_err(|error| error.to_string())?;
    let mut search_path: Vec<PathBuf> = program.path.parent().map(Path::to_owned).into_iter().collect();
    search_path.extend(std::env::split_paths(&options.search_path));
    let mut command = Command::new(npm);
    command
        .args([
            "install",
            "--omit=dev",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--loglevel=error",
        ])
        .args((!options.install_scripts).then_some("--ignore-scripts"))
        .current_dir(folder)
        .env_clear()
        .envs(options.npm_environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    if let Ok(search_path) = std::env::join_paths(search_path) {
        command.env("PATH", search_path);
    }
    let mut child =
        command.spawn().map_err(|error| format!("{} cannot be started: {error}", npm.display()))?;
    let started = Moment::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("npm ended with {status}.")),
            Ok(None) if started.elapsed() < INSTALL_MAX => std::thread::sleep(LOOK_INTERVAL),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("npm took longer than {} seconds.", INSTALL_MAX.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Removes sets of packages that have not been installed lately.
fn forget_old(packages: &Path, but: &Path) {
    let mut found: Vec<_> = std::fs::read_dir(packages)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path() != but)
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    found.sort();
    found.reverse();
    for (_, path) in found.into_iter().skip(KEPT_MAX - 1) {
        let _ = std::fs::remove_dir_all(path);
    }
}

fn not_installed(dependencies: &[NodeDependency], what: &str) -> Error {
    let names: Vec<_> =
        dependencies.iter().map(|found| format!("{}@{}", found.name, found.version)).collect();
    Error::bad_request(
        "NodeDependenciesNotInstalled",
        format!(
            "The external packages {} could not be installed on the server (node.externalPackages in convex.json): {}",
            names.join(", "),
            what.trim()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> NodeDependency {
        NodeDependency { name: name.to_owned(), version: version.to_owned() }
    }

    #[test]
    fn only_exact_versions_of_npm_packages_are_taken() {
        for (name, version) in [("sharp", "0.33.5"), ("@aws-sdk/client-s3", "3.1.0-beta.1+build")] {
            package(name, version).check().unwrap();
        }
        for (name, version) in [
            ("sharp", "^0.33.5"),
            ("sharp", "latest"),
            ("sharp", "1"),
            ("sharp", "file:../secret"),
            ("../sharp", "1.2.3"),
            ("@scope", "1.2.3"),
            ("-g", "1.2.3"),
            ("", "1.2.3"),
        ] {
            let error = package(name, version).check().unwrap_err();
            assert!(error.message().starts_with("nodeDependencies: "), "{}", error.message());
        }
    }

    #[test]
    fn a_set_of_packages_is_named_whatever_their_order() {
        let (a, b) = (package("a", "1.0.0"), package("b", "2.0.0"));
        assert_eq!(dependencies_id(&[]), None);
        assert_eq!(dependencies_id(&[a.clone(), b.clone()]), dependencies_id(&[b.clone(), a.clone()]));
        assert_ne!(dependencies_id(&[a]), dependencies_id(&[b]));
    }
}
