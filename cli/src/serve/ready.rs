//! Telling that the server is ready: a line for people, files for programs.

use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::credentials::write_private;
use super::options::Durability;
use super::web;
use fusion_schema::Value;

use crate::client::RUNNING_FILE;
use crate::failure::Result;
use crate::output;

/// Where the server is.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    pub(super) url: String,
    pub(super) site_url: String,
}

/// Files that say where the server is, removed when it stops.
#[derive(Debug)]
pub(super) struct ReadyFiles(Vec<PathBuf>);

impl ReadyFiles {
    /// Writes the files: one in the data folder, for client commands, and the one that was asked for.
    pub(super) fn write(
        addresses: &Addresses,
        admin_key: &str,
        data: &Path,
        ready_file: Option<&Path>,
    ) -> Result<Self> {
        let content = json!({
            "url": addresses.url,
            "siteUrl": addresses.site_url,
            "dashboardUrl": format!("{}/_dashboard", addresses.url),
            "adminKey": admin_key,
            "pid": std::process::id(),
        });
        let content = format!("{content:#}\n");
        let mut files = Self(Vec::new());
        for path in [Some(data.join(RUNNING_FILE)), ready_file.map(Path::to_owned)].into_iter().flatten() {
            write_private(&path, &content)?;
            files.0.push(path);
        }
        Ok(files)
    }
}

impl Drop for ReadyFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// Says that the server is ready and where its pages are. The admin key is shown to a person, but kept out of logs; for
/// development it is in the link, too.
pub(super) fn announce(
    addresses: &Addresses,
    admin_key: &str,
    durability: Durability,
    is_development: bool,
    has_chat: bool,
) {
    let Addresses { url, site_url } = addresses;
    let is_watched = std::io::stderr().is_terminal();
    if durability == Durability::Relaxed {
        output::talk(
            "Durability is relaxed: a power failure can lose the last moments. --durability full prevents it.",
        );
    }
    output::talk(format_args!("Fusion is ready: {url} (HTTP actions: {site_url})"));
    let dashboard = if is_development && is_watched {
        web::signed_in_link(url, admin_key)
    } else {
        format!("{url}{}", web::DASHBOARD)
    };
    output::talk(format_args!("  developer dashboard  {dashboard}"));
    if has_chat {
        output::talk(format_args!("  operator dashboard   {url}{}", web::CHAT));
        output::talk(format_args!("  demo page            {url}{}", web::DEMO));
    }
    if is_watched {
        output::talk(format_args!("  admin key            {admin_key}"));
    }
}

/// Says which outside services are real and which are built in: a line for each of `list`.
pub(super) fn announce_services(list: &Value) {
    for service in list.as_array().unwrap_or_default() {
        if let Some(line) = service_line(service) {
            output::talk(line);
        }
    }
}

fn service_line(service: &Value) -> Option<String> {
    let service = service.as_object()?;
    let text = |field: &str| service.get(field).and_then(Value::as_str);
    Some(format!("  {:<14} {:<9} {}", text("service")?, text("mode")?, text("detail")?))
}

#[cfg(test)]
mod tests {
    use fusion_schema::object;

    use super::*;

    #[test]
    fn a_service_has_a_line() {
        let service = object! { "service" => "secrets", "mode" => "embedded", "detail" => "encrypted vault" };
        assert_eq!(
            service_line(&service.into()).as_deref(),
            Some("  secrets        embedded  encrypted vault")
        );
        assert_eq!(service_line(&Value::Null), None);
    }
}
