//! `fusion codegen`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value as Json, json};

use super::init::TSCONFIG;
use crate::bundle::components;
use crate::client::Target;
use crate::codegen;
use crate::failure::{Failure, Result};
use crate::output;
use crate::project::Project;
use crate::push::{self, Typecheck};
use crate::spinner::Spinner;
use crate::typescript::{self, Package};

/// Write the types of this folder's functions (`convex/_generated`), or of those of a deployment.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion codegen                              for the functions in this folder; no server is needed
  fusion codegen --init                       and convex/tsconfig.json if it is missing
  fusion codegen --out src/api                for the functions of a running deployment
  fusion codegen --out src/api --package fusion-client")]
pub(crate) struct Codegen {
    /// Write the `api` of a deployment's functions to this folder. It is the default where there are no functions.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// Import the references of a deployment from this package. Both clients take those of both.
    #[arg(long, value_enum, value_name = "PACKAGE", default_value_t)]
    package: Package,

    /// Print the files instead of writing them.
    #[arg(long)]
    dry_run: bool,

    /// Write convex/tsconfig.json too, if it is missing.
    #[arg(long)]
    init: bool,

    /// Check types afterwards with the project's TypeScript: `try` skips it if there is none.
    #[arg(long, value_enum, value_name = "MODE", default_value_t = Typecheck::Try)]
    typecheck: Typecheck,

    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(command: Codegen) -> Result {
    match (&command.out, Project::find(Path::new("."))?) {
        (None, Some(project)) => for_project(&command, &project).await,
        (Some(out), _) => for_deployment(&command, out).await,
        (None, None) => for_deployment(&command, &Project::open(Path::new("."))?.generated()).await,
    }
}

/// The files for the functions in this folder.
async fn for_project(command: &Codegen, project: &Project) -> Result {
    let spinner = Spinner::new();
    let first = codegen::generate(project, None)?;
    if !command.dry_run {
        codegen::write(project, &first, true)?;
        codegen::write_components(project, &codegen::unknown_components(&components(project).await?), true)?;
    }
    // Only what is evaluated knows these; everything else stands in the files.
    let needs_evaluation = project.settings.codegen.static_api || project.module("convex.config").is_some();
    let files = if needs_evaluation {
        let analysis = push::analyze(project, &command.target.deployment()?, &spinner).await?;
        if !command.dry_run {
            codegen::write_components(project, &analysis, false)?;
        }
        codegen::generate(project, Some(&analysis))?
    } else {
        first
    };
    if command.dry_run {
        return codegen::print(project, &files);
    }
    codegen::write(project, &files, false)?;
    if command.init {
        codegen::write_changed(&project.functions.join("tsconfig.json"), TSCONFIG, true)?;
    }
    push::check_types(project, command.typecheck, &spinner).await?;
    output::talk(format_args!("{} is up to date.", project.shown(&project.generated())));
    Ok(())
}

/// The `api` of the functions of a deployment, wherever they come from.
async fn for_deployment(command: &Codegen, out: &Path) -> Result {
    let spec = command.target.deployment()?.system_query("_system/cli/modules:apiSpec", json!({})).await?;
    let Json::Array(functions) = spec else {
        return Err(Failure::new("the server's list of functions is none"));
    };
    let declarations = typescript::api_d_ts(&functions, command.package)?;
    let references = typescript::api_js(command.package);
    std::fs::create_dir_all(out).map_err(|error| Failure::file(out, &error))?;
    for (name, content) in [("api.d.ts", declarations), ("api.js", references)] {
        let path = out.join(name);
        if command.dry_run {
            output::data(format_args!("# {}\n{content}", path.display()))?;
            continue;
        }
        // A file that stays the same keeps its time, so that watchers do not wake up.
        if std::fs::read_to_string(&path).is_ok_and(|former| former == content) {
            continue;
        }
        std::fs::write(&path, content).map_err(|error| Failure::file(&path, &error))?;
        output::talk(format_args!("Wrote {}", path.display()));
    }
    Ok(())
}
