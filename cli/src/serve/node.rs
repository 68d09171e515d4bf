//! What of the server's surroundings concerns Node actions: where Node.js is, and what npm needs to know.

use std::ffi::OsString;

use fusion_runtime::js;

use super::options::{NodeAccess, ServerOptions};

/// Variables that npm gets: where its settings and its cache are, and the way to a registry.
const FOR_NPM: [&str; 9] = [
    "HOME",
    "LANG",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];

/// The options of Node actions.
pub(super) fn options(options: &ServerOptions) -> js::NodeOptions {
    js::NodeOptions {
        program: options.node.clone(),
        search_path: std::env::vars_os()
            .find_map(|(name, value)| (name == "PATH").then_some(value))
            .unwrap_or_default(),
        npm_environment: std::env::vars_os().filter(|(name, _)| is_for_npm(name)).collect(),
        folder: options.data_dir.join("node"),
        access: match options.node_access {
            NodeAccess::Sandbox => js::NodeAccess::Sandbox,
            NodeAccess::Full => js::NodeAccess::Full,
        },
        install_scripts: options.node_install_scripts,
    }
}

fn is_for_npm(name: &OsString) -> bool {
    let Some(name) = name.to_str() else { return false };
    let lower = name.to_ascii_lowercase();
    FOR_NPM.contains(&name) || lower.starts_with("npm_config_") || lower.ends_with("_proxy")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npm_gets_what_leads_to_a_registry_and_no_secrets_of_the_server() {
        let is_passed = |name: &str| is_for_npm(&OsString::from(name));
        assert!(
            ["HOME", "npm_config_registry", "NPM_CONFIG_CACHE", "HTTPS_PROXY", "no_proxy"].map(is_passed)
                == [true; 5]
        );
        assert!(
            ["INSTANCE_SECRET", "OPENAI_API_KEY", "NODE_OPTIONS", "AWS_SECRET_ACCESS_KEY"].map(is_passed)
                == [false; 4]
        );
    }
}
