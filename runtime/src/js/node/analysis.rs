//! What modules for Node.js export, as Node.js finds it when it loads them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::process::Event;
use crate::function::outcome::describe;
use crate::js::errors::{self, Bounds};
use crate::js::isolate::{ScriptError, Stopped};
use crate::js::package::{Environment, Package};
use crate::js::runtime::JsRuntime;
use crate::{Error, Result};

/// How long the loading of a module may take.
const LOAD_MAX: Duration = Duration::from_secs(60);

impl JsRuntime {
    /// What each module for Node.js exports, as text. Blocks.
    ///
    /// # Errors
    /// `NodeActionsNotAvailable` where there is no Node.js; why packages cannot be installed; what a module throws.
    pub(in crate::js) fn analyze_in_node(
        &self,
        package: &Arc<Package>,
        environment: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        self.tasks().block_on(self.load_in_node(package, environment))
    }

    async fn load_in_node(
        &self,
        package: &Arc<Package>,
        environment: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        let node = self.node();
        let bundle = node.bundle(package).await?;
        let variables = Arc::new(environment.clone());
        let is_shared = |path: &str| path.starts_with("_deps/");
        let (shared, entries): (Vec<String>, Vec<String>) = package
            .sources()
            .filter(|module| module.environment == Environment::Node)
            .map(|module| module.path.clone())
            .partition(|path| is_shared(path));
        let bounds = Bounds { time: LOAD_MAX, memory: node.limits().node_memory_max };
        let mut found = BTreeMap::new();
        for path in entries {
            let mut call = node.enter(&bundle, &variables).await?;
            call.analyze(&path, &shared)?;
            let result = tokio::time::timeout(LOAD_MAX, async {
                loop {
                    if let Event::Ended { result, .. } = call.next().await {
                        return result;
                    }
                }
            });
            let result = result.await.unwrap_or(Err(ScriptError::Stopped(Stopped::OutOfTime)));
            let text = result.map_err(|error| {
                let error = errors::function_error(package, error, bounds);
                Error::bad_request(
                    "InvalidModules",
                    format!("Failed to analyze {path} in Node.js: {}", describe(&error)),
                )
            })?;
            found.insert(path, text);
        }
        Ok(found)
    }
}
