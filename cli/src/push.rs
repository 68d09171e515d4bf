//! One push: a project's functions and schema go live on a deployment, all at once or not at all.
//!
//! Bundle, upload what the deployment does not have, generate code, check types while the deployment fills indexes and
//! checks its documents, then switch.

mod analysis;
mod endpoints;
mod report;
mod typecheck;
mod wire;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use self::analysis::analysis;
pub(crate) use self::typecheck::Typecheck;
use self::wire::{AppDefinition, ComponentDefinition, ComponentStatus, IndexDiff, SchemaStatus, StartPush};
use crate::bundle::{Bundle, bundle, components};
use crate::client::Deployment;
use crate::codegen::{self, Analysis};
use crate::failure::{Failure, Result};
use crate::project::Project;
use crate::spinner::Spinner;

/// How an app is bundled and checked before it is pushed.
#[derive(Args, Clone, Debug)]
pub(crate) struct PushOptions {
    /// Show all that changes.
    #[arg(long, short)]
    pub(crate) verbose: bool,

    /// Check types with the project's TypeScript: `try` skips it if there is none.
    #[arg(long, value_enum, value_name = "MODE", default_value_t = Typecheck::Try)]
    pub(crate) typecheck: Typecheck,

    /// Write `convex/_generated`.
    #[arg(long, value_enum, value_name = "MODE", default_value_t = Codegen::Enable)]
    pub(crate) codegen: Codegen,

    /// Send all modules, also those that the deployment has.
    #[arg(long, hide = true)]
    pub(crate) push_all_modules: bool,
}

/// Whether to write `convex/_generated`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Codegen {
    /// Write it.
    Enable,
    /// Leave it as it is.
    Disable,
}

/// A push that is to be made.
pub(crate) struct Push<'a> {
    /// What to push.
    pub(crate) project: &'a Project,
    /// Where to.
    pub(crate) deployment: &'a Deployment,
    /// How.
    pub(crate) options: &'a PushOptions,
    /// Only say what would change.
    pub(crate) dry_run: bool,
    /// Asked before indexes of large tables are removed or filled; not at all if `None`.
    pub(crate) confirm: Option<&'a Confirm>,
    /// What it is for, for the record.
    pub(crate) message: Option<&'a str>,
    /// Where to say what goes on.
    pub(crate) spinner: &'a Spinner,
}

/// Asks a person whether to go on.
pub(crate) type Confirm = dyn Fn(&str) -> Result;

/// What a push did.
#[derive(Debug)]
pub(crate) struct Pushed {
    /// The project's files it was made of.
    pub(crate) inputs: Vec<PathBuf>,
}

/// The result of a step of a push.
pub(crate) type PushResult<T = ()> = std::result::Result<T, PushError>;

/// Why a push failed, and what may change that.
#[derive(Debug)]
pub(crate) struct PushError {
    /// What to tell.
    pub(crate) failure: Failure,
    /// What may change it.
    pub(crate) remedy: Remedy,
}

/// What may make a push succeed that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Another content of the project's files.
    Edit,
    /// That, or environment variables.
    Environment,
    /// That, or other documents in this table.
    Documents(String),
    /// Nothing but time.
    Time,
    /// Nothing.
    None,
}

impl PushError {
    /// The project's files must change.
    pub(crate) fn project(failure: Failure) -> Self {
        Self { failure, remedy: Remedy::Edit }
    }

    /// It may work next time.
    pub(crate) fn transient(failure: Failure) -> Self {
        Self { remedy: Remedy::Time, ..Self::project(failure) }
    }

    /// It makes no sense to try again.
    pub(crate) fn fatal(failure: Failure) -> Self {
        Self { remedy: Remedy::None, ..Self::project(failure) }
    }
}

impl Push<'_> {
    /// Pushes.
    pub(crate) async fn run(&self) -> PushResult<Pushed> {
        let result = self.steps().await;
        self.spinner.clear();
        result
    }

    async fn steps(&self) -> PushResult<Pushed> {
        let Self { project, deployment, spinner, .. } = self;
        let generates = self.options.codegen == Codegen::Enable && !self.dry_run;
        if generates {
            spinner.set("Generating code");
            // Modules import these files, so they must be there before it is known what is in the modules.
            self.generate(None, true).map_err(PushError::project)?;
            let components = components(project).await.map_err(PushError::project)?;
            let unknown = codegen::unknown_components(&components);
            codegen::write_components(project, &unknown, true).map_err(PushError::project)?;
        }
        spinner.set("Bundling");
        let bundle = bundle(project).await.map_err(PushError::project)?;
        bundle.warnings.iter().for_each(|warning| spinner.talk(warning));

        spinner.set("Uploading functions");
        let convex_version = project.convex_version().map_err(PushError::project)?;
        let known = if self.options.push_all_modules {
            Vec::new()
        } else {
            endpoints::config_hashes(deployment).await?.module_hashes
        };
        let request = self.request(&bundle, &convex_version, &known);
        if self.options.verbose {
            spinner.talk(report::upload(&request, &bundle));
        }
        if let Some(confirm) = self.confirm {
            self.confirm_large_indexes(&request, confirm).await?;
        }
        let started = endpoints::start_push(deployment, &request).await?;
        if generates {
            let analysis = analysis(project, &bundle.found, &started).map_err(PushError::project)?;
            self.generate(Some(&analysis), false).map_err(PushError::project)?;
        }
        spinner.set("Checking types and documents");
        // Either takes its time, and what is wrong with the types is wrong whatever the deployment says.
        let (types, schema) = tokio::join!(
            typecheck::check(project, self.options.typecheck, spinner),
            self.wait_for_schema(&started),
        );
        types?;
        schema?;

        spinner.set("Switching to the new functions");
        let finished = endpoints::finish_push(deployment, &started, self.dry_run, self.message).await?;
        for line in report::changes(&started, &finished, self.dry_run, self.options.verbose) {
            spinner.talk(line);
        }
        Ok(Pushed { inputs: bundle.inputs })
    }

    /// Writes the generated files, with `missing` only those that are not there.
    fn generate(&self, analysis: Option<&Analysis>, missing: bool) -> Result {
        let files = codegen::generate(self.project, analysis)?;
        codegen::write(self.project, &files, missing)?;
        analysis.map_or(Ok(()), |analysis| codegen::write_components(self.project, analysis, missing))
    }

    fn request<'a>(
        &'a self,
        bundle: &'a Bundle,
        convex_version: &'a str,
        known: &[wire::ModuleHash],
    ) -> StartPush<'a> {
        let (unchanged_module_hashes, changed_modules) = wire::partition(&bundle.modules, known);
        StartPush {
            admin_key: self.deployment.admin_key(),
            dry_run: self.dry_run,
            functions: self.project.settings.functions_folder(),
            app_definition: AppDefinition {
                definition: &bundle.definition,
                dependencies: &bundle.dependencies,
                schema: bundle.schema.as_ref(),
                changed_modules,
                unchanged_module_hashes,
                udf_server_version: convex_version,
            },
            component_definitions: bundle
                .components
                .iter()
                .map(|component| ComponentDefinition {
                    definition_path: &component.path,
                    definition: &component.definition,
                    dependencies: &component.dependencies,
                    schema: component.schema.as_ref(),
                    functions: &component.modules,
                    udf_server_version: convex_version,
                })
                .collect(),
            node_dependencies: &bundle.node_dependencies,
            node_version: self.project.settings.node.node_version.as_deref(),
            for_codegen: false,
        }
    }

    /// Waits until indexes are filled and documents checked.
    async fn wait_for_schema(&self, started: &Json) -> PushResult {
        let schema_change = started.get("schemaChange").unwrap_or(&Json::Null);
        let begin = Instant::now();
        loop {
            match endpoints::wait_for_schema(self.deployment, schema_change, self.dry_run).await? {
                SchemaStatus::Complete => return Ok(()),
                SchemaStatus::InProgress { components } => {
                    self.spinner.set(format!(
                        "{} ({} s)",
                        waiting_for(components.values()),
                        begin.elapsed().as_secs()
                    ));
                }
                SchemaStatus::RaceDetected => {
                    return Err(PushError::transient(
                        Failure::new("another push changed the schema at the same time").hint("push again"),
                    ));
                }
                SchemaStatus::Failed { error, component_path, .. } if !component_path.is_empty() => {
                    return Err(PushError::project(
                        Failure::new(format!(
                            "the schema of the component {component_path} does not fit: {error}"
                        ))
                        .hint(format!("look at its documents: fusion data --component {component_path}")),
                    ));
                }
                SchemaStatus::Failed { error, table_name, .. } => {
                    let failure = Failure::new(format!("the schema does not fit: {error}"));
                    return Err(match table_name {
                        Some(table) => PushError {
                            failure: failure
                                .hint(format!("change schema.ts, or the documents: fusion data {table}")),
                            remedy: Remedy::Documents(table),
                        },
                        None => PushError::project(failure.hint("change schema.ts")),
                    });
                }
            }
        }
    }

    /// Asks before a push that takes long or that is hard to take back.
    async fn confirm_large_indexes(&self, request: &StartPush<'_>, confirm: &Confirm) -> PushResult {
        let evaluated = endpoints::evaluate_push(self.deployment, request).await?;
        let diff = IndexDiff::of(evaluated.get("schemaChange").unwrap_or(&Json::Null));
        let removed = diff.removed_indexes.iter().map(|index| (index, "removed"));
        // A staged one is filled in the background.
        let added = diff.added_indexes.iter().filter(|index| !index.staged).map(|index| (index, "filled"));
        let mut large = Vec::new();
        for (index, fate) in removed.chain(added) {
            let table = index.name.split('.').next().unwrap_or_default();
            let size =
                self.deployment.system_query("_system/cli/tableSize", json!({"tableName": table})).await;
            let documents = size.ok().and_then(|size| size.as_f64()).unwrap_or_default();
            if documents >= report::LARGE_TABLE_DOCUMENTS {
                large.push(format!("  {} of {documents} documents is {fate}", index.name));
            }
        }
        if large.is_empty() || self.dry_run {
            return Ok(());
        }
        let question = format!("Indexes of large tables change:\n{}\nPush?", large.join("\n"));
        self.spinner.suspend(|| confirm(&question)).map_err(PushError::fatal)
    }
}

/// What a push would find out, for the generated files. Nothing is changed.
pub(crate) async fn analyze(
    project: &Project,
    deployment: &Deployment,
    spinner: &Spinner,
) -> Result<Analysis> {
    let options = PushOptions {
        verbose: false,
        typecheck: Typecheck::Disable,
        codegen: Codegen::Disable,
        push_all_modules: false,
    };
    let push =
        Push { project, deployment, options: &options, dry_run: true, confirm: None, message: None, spinner };
    spinner.set("Bundling");
    let bundle = bundle(project).await?;
    let convex_version = project.convex_version()?;
    spinner.set("Evaluating the functions");
    let known = endpoints::config_hashes(deployment).await.map_err(|error| error.failure)?.module_hashes;
    let request = push.request(&bundle, &convex_version, &known);
    let started = endpoints::start_push(deployment, &request).await.map_err(|error| error.failure);
    spinner.clear();
    analysis(project, &bundle.found, &started?)
}

/// Checks the types of a project's functions.
pub(crate) async fn check_types(project: &Project, mode: Typecheck, spinner: &Spinner) -> Result {
    spinner.set("Checking types");
    let checked = typecheck::check(project, mode, spinner).await.map_err(|error| error.failure);
    spinner.clear();
    checked
}

/// What the deployment is busy with.
fn waiting_for<'a>(components: impl Iterator<Item = &'a ComponentStatus>) -> String {
    let (mut checked, mut complete, mut total) = (true, 0, 0);
    for component in components {
        checked &= component.schema_validation_complete;
        complete += component.indexes_complete;
        total += component.indexes_total;
    }
    let filling = format!("Filling indexes ({complete} of {total} ready)");
    match (complete < total, checked) {
        (true, false) => format!("{filling} and checking documents against the schema"),
        (true, true) => filling,
        (false, _) => "Checking documents against the schema".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_explained() {
        let status = |schema_validation_complete, indexes_complete, indexes_total| ComponentStatus {
            schema_validation_complete,
            indexes_complete,
            indexes_total,
        };
        let text = |components: &[ComponentStatus]| waiting_for(components.iter());
        assert_eq!(text(&[status(false, 1, 1)]), "Checking documents against the schema");
        assert_eq!(text(&[status(true, 0, 2)]), "Filling indexes (0 of 2 ready)");
        assert_eq!(
            text(&[status(true, 0, 2), status(false, 1, 1)]),
            "Filling indexes (1 of 3 ready) and checking documents against the schema"
        );
    }
}
