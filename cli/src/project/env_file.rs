//! `.env.local`: where the page of a project reads the deployment's URLs from, under the names its framework passes on.

use std::path::PathBuf;

use super::Project;
use crate::dotenv;
use crate::failure::{Failure, Result};
use crate::output;

/// The file that is not for the repository.
const ENV_FILE: &str = ".env.local";
/// What frameworks put before names that pages may see, by the package that shows the framework; the first counts.
const FRAMEWORKS: [(&str, &str); 7] = [
    ("react-scripts", "REACT_APP_"),
    ("next", "NEXT_PUBLIC_"),
    ("expo", "EXPO_PUBLIC_"),
    ("@sveltejs/kit", "PUBLIC_"),
    ("@tanstack/start", "VITE_"),
    ("@tanstack/react-start", "VITE_"),
    ("vite", "VITE_"),
];
const URL: &str = "CONVEX_URL";
const SITE_URL: &str = "CONVEX_SITE_URL";

/// The names of the two URLs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// Of the URL of the API.
    pub(crate) url: String,
    /// Of the URL of the HTTP actions.
    pub(crate) site_url: String,
}

impl Project {
    /// The names its framework passes on to pages.
    pub(crate) fn url_names(&self) -> Names {
        let prefix =
            FRAMEWORKS.iter().find(|(package, _)| self.depends_on(package)).map_or("", |found| found.1);
        Names { url: format!("{prefix}{URL}"), site_url: format!("{prefix}{SITE_URL}") }
    }

    /// Writes the URLs to the project's environment file, unless they are there.
    pub(crate) fn write_urls(&self, url: &str, site_url: &str) -> Result {
        let path = self.env_file();
        let former = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::file(&path, &error)),
        };
        let names = self.url_names();
        let mut text = former.clone();
        for (kind, name, value) in [(URL, names.url, url), (SITE_URL, names.site_url, site_url)] {
            match with_variable(&text, kind, &name, value) {
                Some(changed) => text = changed,
                None => output::talk(format_args!(
                    "{} has several variables for the URL of the deployment; it is left as it is.",
                    self.shown(&path)
                )),
            }
        }
        if text == former {
            return Ok(());
        }
        std::fs::write(&path, text).map_err(|error| Failure::file(&path, &error))?;
        output::talk(format_args!("Wrote the deployment's URLs to {}.", self.shown(&path)));
        Ok(())
    }

    /// Remix reads `.env`, which is not for the repository there.
    fn env_file(&self) -> PathBuf {
        let local = self.root.join(ENV_FILE);
        let is_remix = self.depends_on("@remix-run/dev") && !self.depends_on("vite");
        if is_remix && !local.exists() { self.root.join(".env") } else { local }
    }
}

/// The text of the file with the variable set: in the place of one of that kind if there is one, else at the end.
/// `None` if there are several and nobody knows which one counts.
fn with_variable(text: &str, kind: &str, name: &str, value: &str) -> Option<String> {
    let prefixes = FRAMEWORKS.iter().map(|(_, prefix)| *prefix).chain([""]);
    let names: Vec<_> = prefixes.map(|prefix| format!("{prefix}{kind}")).collect();
    let variables = dotenv::parse(text);
    let existing: Vec<_> = variables.iter().filter(|(known, _)| names.contains(known)).collect();
    let assignment = |name: &str| format!("{name}={}", dotenv::format(value));
    match existing[..] {
        [] => {
            let separator = match text {
                "" => "",
                text if text.ends_with('\n') => "\n",
                _ => "\n\n",
            };
            Some(format!("{text}{separator}{}\n", assignment(name)))
        }
        [(_, former)] if former == value => Some(text.to_owned()),
        [(known, _)] => {
            let sets = |line: &str| {
                let name = line.split('=').next().unwrap_or_default().trim();
                name.strip_prefix("export ").unwrap_or(name).trim() == known
            };
            let lines = text.split_inclusive('\n').map(|line| match line.strip_suffix('\n') {
                _ if !sets(line) => line.to_owned(),
                Some(_) => format!("{}\n", assignment(known)),
                None => assignment(known),
            });
            Some(lines.collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_added_changed_or_left() {
        let with = |text: &str| with_variable(text, URL, "VITE_CONVEX_URL", "http://x");
        assert_eq!(with("").as_deref(), Some("VITE_CONVEX_URL=http://x\n"));
        assert_eq!(with("A=1\n").as_deref(), Some("A=1\n\nVITE_CONVEX_URL=http://x\n"));
        assert_eq!(with("A=1").as_deref(), Some("A=1\n\nVITE_CONVEX_URL=http://x\n"));
        // The name that is there stays.
        assert_eq!(with("CONVEX_URL=http://old # old\nA=1\n").as_deref(), Some("CONVEX_URL=http://x\nA=1\n"));
        assert_eq!(
            with("A=1\nVITE_CONVEX_URL='http://x'").as_deref(),
            Some("A=1\nVITE_CONVEX_URL='http://x'")
        );
        assert_eq!(with("CONVEX_URL=a\nVITE_CONVEX_URL=b\n"), None);
    }

    #[test]
    fn the_framework_gives_the_names() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        for (manifest, url) in [
            ("{}", "CONVEX_URL"),
            (r#"{"devDependencies": {"vite": "7"}}"#, "VITE_CONVEX_URL"),
            (
                r#"{"devDependencies": {"vite": "7"}, "dependencies": {"@sveltejs/kit": "2"}}"#,
                "PUBLIC_CONVEX_URL",
            ),
            (r#"{"dependencies": {"next": "16"}}"#, "NEXT_PUBLIC_CONVEX_URL"),
        ] {
            std::fs::write(folder.path().join("package.json"), manifest)?;
            assert_eq!(Project::open(folder.path())?.url_names().url, url);
        }
        Ok(())
    }
}
