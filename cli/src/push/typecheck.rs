//! Checking the types of functions with the TypeScript that is installed in the project.

use std::io::IsTerminal as _;
use std::process::Stdio;

use clap::ValueEnum;
use tokio::process::Command;

use super::{PushError, PushResult};
use crate::failure::Failure;
use crate::project::Project;
use crate::spinner::Spinner;

/// Whether to check types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Typecheck {
    /// Fail if there is no TypeScript.
    Enable,
    /// Check if there is TypeScript.
    Try,
    /// Do not check.
    Disable,
}

/// Where the compilers are in `node_modules`.
const TSC: [(&str, &str); 2] = [("@typescript/native", "bin/tsc"), ("typescript", "bin/tsc")];
const TSGO: [(&str, &str); 2] =
    [("@typescript/native-preview", "bin/tsgo"), ("@typescript/native-preview", "bin/tsgo.js")];
/// What the compiler says when there is nothing to check, which is no mistake.
const NO_INPUTS: &str = "error TS18003";
const DISABLE_HINT: &str = "repair the types, or push without checking them: --typecheck disable";

/// Checks the types of a project's functions.
pub(super) async fn check(project: &Project, mode: Typecheck, spinner: &Spinner) -> PushResult {
    if mode == Typecheck::Disable {
        return Ok(());
    }
    // It is only a pity, unless checking was asked for.
    let cannot = |reason: String, hint: &str| match mode {
        Typecheck::Enable => Err(PushError::project(Failure::new(reason).hint(hint))),
        _ => Ok(()),
    };
    if !project.functions.join("tsconfig.json").is_file() {
        return cannot(
            format!(
                "{} is missing, which says how to check types",
                project.shown(&project.functions.join("tsconfig.json"))
            ),
            "fusion codegen --init",
        );
    }
    let compilers = match project.settings.typescript_compiler.as_deref() {
        Some("tsgo") => &TSGO,
        _ => &TSC,
    };
    let compiler = compilers
        .iter()
        .filter_map(|(package, script)| Some(project.package(package)?.join(script)))
        .find(|path| path.is_file());
    let Some(compiler) = compiler else {
        return cannot(
            "TypeScript is not installed in this project".to_owned(),
            "npm install --save-dev typescript",
        );
    };
    let output = Command::new("node")
        .arg(&compiler)
        .arg("--project")
        .arg(&project.functions)
        .arg("--pretty")
        .arg(std::io::stderr().is_terminal().to_string())
        .current_dir(&project.root)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            return cannot(
                format!("TypeScript could not be run with Node: {error}"),
                "install Node, or --typecheck try",
            );
        }
    };
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() || said.contains(NO_INPUTS) {
        return Ok(());
    }
    let said = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
    spinner.talk(said.trim_end());
    Err(PushError::project(Failure::new("the types of the functions are wrong").hint(DISABLE_HINT)))
}
