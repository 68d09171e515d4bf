//! `fusion init`.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::{Failure, Result};
use crate::output;

/// The files of the app, `{{name}}` in them standing for its name.
const FILES: [(&str, &str); 7] = [
    ("package.json", include_str!("../../templates/app/package.json")),
    (".gitignore", include_str!("../../templates/app/gitignore")),
    ("convex/schema.ts", include_str!("../../templates/app/convex/schema.ts")),
    ("convex/messages.ts", include_str!("../../templates/app/convex/messages.ts")),
    ("convex/tsconfig.json", TSCONFIG),
    ("public/index.html", include_str!("../../templates/app/public/index.html")),
    ("public/main.js", include_str!("../../templates/app/public/main.js")),
];
/// How the types of functions are checked.
pub(crate) const TSCONFIG: &str = include_str!("../../templates/app/convex/tsconfig.json");

/// Make a small app: a table, two functions and a page that shows them live.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fusion init my-app                          then: cd my-app, npm install, fusion dev")]
pub(crate) struct Init {
    /// Folder to make it in.
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

pub(super) fn run(command: Init) -> Result {
    let folder = &command.folder;
    write_app(folder)?;
    let (enter, place) = if folder == Path::new(".") {
        (String::new(), "this folder".to_owned())
    } else {
        (format!("  cd {}\n", folder.display()), folder.display().to_string())
    };
    output::talk(format_args!(
        "Made an app in {place}. Next:\n\n{enter}  npm install     gets the package `convex`\n  fusion dev      serves the app and pushes its functions as you edit them\n\nIts functions are in convex/messages.ts, its page in public/index.html."
    ));
    Ok(())
}

/// Writes all files, or none if one of them is there.
fn write_app(folder: &Path) -> Result {
    std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
    let absolute = folder.canonicalize().map_err(|error| Failure::file(folder, &error))?;
    let existing: Vec<_> =
        FILES.iter().map(|(name, _)| *name).filter(|name| folder.join(name).exists()).collect();
    if !existing.is_empty() {
        return Err(Failure::new(format!(
            "these files are there already, and nothing was written: {}",
            existing.join(", ")
        ))
        .hint("choose an empty folder: fusion init my-app"));
    }
    let name = package_name(absolute.file_name().and_then(|name| name.to_str()).unwrap_or_default());
    for (path, content) in FILES {
        let path = folder.join(path);
        let write = || {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(&path, content.replace("{{name}}", &name))
        };
        write().map_err(|error| Failure::file(&path, &error))?;
    }
    Ok(())
}

/// A name that npm accepts, like that of the folder.
fn package_name(folder: &str) -> String {
    let name: String = folder
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "app".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_written_and_never_over_another() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let app = folder.path().join("My App");
        write_app(&app)?;
        let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(app.join("package.json"))?)?;
        assert_eq!(manifest["name"], "my-app");
        assert_eq!(manifest["dependencies"].as_object().map(serde_json::Map::len), Some(1));

        std::fs::write(app.join("package.json"), "mine")?;
        std::fs::remove_file(app.join("public/main.js"))?;
        let failure = write_app(&app).expect_err("an app is there");
        assert!(failure.to_string().contains("package.json"), "{failure}");
        assert_eq!(std::fs::read(app.join("package.json"))?, b"mine");
        assert!(!app.join("public/main.js").exists(), "nothing is written beside what is there");
        Ok(())
    }

    #[test]
    fn names_are_those_that_npm_accepts() {
        for (folder, name) in
            [("my-app", "my-app"), ("My App!", "my-app"), ("_x", "x"), ("ü", "app"), ("", "app")]
        {
            assert_eq!(package_name(folder), name);
        }
    }
}
