//! Inline queries: code that comes in with a call and is gone after it.

use std::sync::Arc;

use super::Pushes;
use super::request::ModuleBody;
use super::scripts::{UdfConfig, Variables};
use crate::function::FunctionKind;
use crate::function::registry::FunctionEntry;
use crate::js::inline_query;
use crate::{Error, Result};

impl Pushes {
    /// The query that a module exports as its default, ready to be run in the component at a path. Nothing of it is kept.
    ///
    /// # Errors
    /// `InvalidModules` if the module does not compile or load; `InvalidInlineQuery` if it exports no query.
    pub async fn inline_query(
        self: &Arc<Self>,
        module: ModuleBody,
        component: String,
    ) -> Result<FunctionEntry> {
        self.blocking(move |pushes| {
            let ModuleBody { path, source, source_map, .. } = module;
            let evaluator = pushes.evaluator();
            // The app's variables are no business of its components.
            let own = if component.is_empty() { evaluator.variables()? } else { Variables::new() };
            let variables = evaluator.with_system_variables(&own);
            let config = UdfConfig {
                server_version: String::new(),
                import_phase_rng_seed: crate::clock::random_bytes(),
                import_phase_unix_ms: pushes.runner.deployment().clock().unix_ms().floor(),
                node_dependencies: Vec::new(),
            };
            let modules = inline_query::modules(path.clone(), source, source_map);
            let package = pushes.scripts.package(modules, &[])?;
            let mut analysis = package.analyze(&variables, &config)?;
            analysis.retain(|analyzed, _| *analyzed == path);
            let functions = package.functions(&analysis, &config, &component)?.functions;
            functions
                .into_iter()
                .find(|entry| entry.path.function() == "default" && entry.kind() == FunctionKind::Query)
                .ok_or_else(|| {
                    Error::bad_request(
                        "InvalidInlineQuery",
                        format!(
                            "{path} does not export a query. Write `export default query({{ handler: async (ctx) => … }})`."
                        ),
                    )
                })
        })
        .await
    }
}
