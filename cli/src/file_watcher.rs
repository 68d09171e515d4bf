//! [`Watcher`]: notices changes of a project's files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::failure::{Failure, Result};
use crate::project::{Project, SETTINGS_FILE};

/// Editors write a file in several steps, and people save several files: wait until nothing happens for so long.
const QUIET: Duration = Duration::from_millis(80);
/// But not longer than this altogether.
const QUIET_MAX: Duration = Duration::from_secs(1);
/// What matters in the project's folder itself.
const ROOT_NAMES: [&str; 4] = [SETTINGS_FILE, "package.json", "package-lock.json", "node_modules"];

/// Notices changes of the files that a push is made of, from when it is made.
pub(crate) struct Watcher {
    inner: notify::RecommendedWatcher,
    changes: mpsc::UnboundedReceiver<PathBuf>,
    project: Project,
    /// Files outside the functions' folder that were bundled.
    inputs: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

impl Watcher {
    /// Watches a project from now on.
    pub(crate) fn new(project: &Project) -> Result<Self> {
        let (sender, changes) = mpsc::unbounded_channel();
        let inner = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is no change. An error means that events were lost: anything may have changed.
            match event {
                Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
                Ok(event) => event.paths.into_iter().for_each(|path| {
                    // Nobody listens any more: the process ends.
                    let _ = sender.send(path);
                }),
                Err(_) => {
                    let _ = sender.send(PathBuf::from(SETTINGS_FILE));
                }
            }
        })
        .map_err(|error| failed(&project.root, &error))?;
        let mut watcher = Self {
            inner,
            changes,
            project: project.clone(),
            inputs: BTreeSet::new(),
            folders: BTreeSet::new(),
        };
        watcher.watch(&project.root, RecursiveMode::NonRecursive)?;
        watcher.watch(&project.functions, RecursiveMode::Recursive)?;
        Ok(watcher)
    }

    /// Watches these files too, wherever they are.
    pub(crate) fn also(&mut self, inputs: &[PathBuf]) -> Result {
        let functions = self.project.functions.clone();
        for input in inputs.iter().filter(|input| !input.starts_with(&functions)) {
            if let Some(folder) = input.parent() {
                self.watch(folder, RecursiveMode::NonRecursive)?;
            }
            self.inputs.insert(input.clone());
        }
        Ok(())
    }

    /// Waits until something changed and it is quiet again.
    pub(crate) async fn changed(&mut self) {
        while let Some(path) = self.changes.recv().await {
            if self.matters(&path) {
                break;
            }
        }
        let end = Instant::now() + QUIET_MAX;
        while let Ok(Some(_)) =
            tokio::time::timeout_at(end.min(Instant::now() + QUIET), self.changes.recv()).await
        {
            if Instant::now() >= end {
                break;
            }
        }
    }

    fn watch(&mut self, folder: &Path, mode: RecursiveMode) -> Result {
        if self.folders.insert(folder.to_owned()) {
            self.inner.watch(folder, mode).map_err(|error| failed(folder, &error))?;
        }
        Ok(())
    }

    /// Whether a change of the file may change what is pushed.
    fn matters(&self, path: &Path) -> bool {
        if let Ok(name) = path.strip_prefix(&self.project.functions) {
            let base = name.file_name().and_then(|base| base.to_str()).unwrap_or_default();
            return !path.starts_with(self.project.generated())
                && !base.starts_with(['.', '#'])
                && !base.ends_with('~');
        }
        let name = path.strip_prefix(&self.project.root).unwrap_or(path);
        self.inputs.contains(path) || ROOT_NAMES.iter().any(|known| name == Path::new(known))
    }
}

fn failed(path: &Path, error: &notify::Error) -> Failure {
    Failure::new(format!("{} cannot be watched for changes: {error}", path.display()))
        .hint("fusion deploy pushes once")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_of_the_projects_files_are_noticed() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().canonicalize()?;
        for name in ["convex/_generated", "src", "other"] {
            std::fs::create_dir_all(root.join(name))?;
        }
        let project = Project::open(&root)?;
        let mut watcher = Watcher::new(&project)?;
        watcher.also(&[root.join("src/shared.ts")])?;
        let soon = Duration::from_millis(400);
        for (name, matters) in [
            ("convex/a.ts", true),
            ("convex/_generated/api.js", false),
            ("convex/.a.ts.swp", false),
            ("src/shared.ts", true),
            ("src/page.ts", false),
            (".env.local", false),
            ("convex.json", true),
            ("other/x.ts", false),
        ] {
            std::fs::write(root.join(name), "x")?;
            let noticed = tokio::time::timeout(soon, watcher.changed()).await.is_ok();
            assert_eq!(noticed, matters, "{name}");
        }
        // A new folder is watched too.
        std::fs::create_dir(root.join("convex/new"))?;
        assert!(tokio::time::timeout(soon, watcher.changed()).await.is_ok());
        std::fs::write(root.join("convex/new/b.ts"), "x")?;
        assert!(tokio::time::timeout(soon, watcher.changed()).await.is_ok());
        Ok(())
    }
}
