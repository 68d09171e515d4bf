//! Definitions of components as other definitions import them: synthetic modules that stand for what was evaluated before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use super::package::{Environment, ModuleSource};

/// The folder that bundles import definitions from.
const FOLDER: &str = "_componentDeps";

/// A definition that was evaluated, for those that use it.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedDefinition {
    /// The path of the definition.
    pub path: String,
    /// The name an instance gets that is given none.
    pub default_name: String,
    /// What it exported.
    pub export: Json,
}

impl ImportedDefinition {
    /// The module that stands for it.
    pub(super) fn module(&self) -> ModuleSource {
        // JSON is JavaScript.
        let [export, path, name] =
            [&self.export.to_string(), &self.path, &self.default_name].map(|text| json!(text).to_string());
        ModuleSource {
            path: format!("{FOLDER}/{}", URL_SAFE_NO_PAD.encode(&self.path)),
            source: format!(
                "export default {{ export: () => {export}, componentDefinitionPath: {path}, defaultName: {name} }};"
            ),
            source_map: None,
            environment: Environment::Isolate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_module_is_its_path_in_base64() {
        let definition = ImportedDefinition {
            path: "../node_modules/@convex-dev/rate-limiter/dist/component".to_owned(),
            default_name: "rateLimiter".to_owned(),
            export: json!({"text": "\"quoted\""}),
        };
        let module = definition.module();
        assert_eq!(
            module.path,
            "_componentDeps/Li4vbm9kZV9tb2R1bGVzL0Bjb252ZXgtZGV2L3JhdGUtbGltaXRlci9kaXN0L2NvbXBvbmVudA"
        );
        assert!(module.source.contains(r#"defaultName: "rateLimiter""#), "{}", module.source);
    }
}
