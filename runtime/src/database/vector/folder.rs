//! [`Folder`]: the files of one index's sealed segments.

use std::io;
use std::path::{Path, PathBuf};

use super::segment::{Segment, Shape};

/// What the name of a segment's file ends in.
const EXTENSION: &str = "vectors";

/// See the module's documentation. Of a database in memory there is no folder, and nothing is kept.
#[derive(Clone, Debug)]
pub(super) struct Folder(Option<PathBuf>);

impl Folder {
    pub(super) const fn new(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// Where the segment with that number is kept. The folder is made if it is not there.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub(super) fn segment(&self, number: u32) -> io::Result<Option<PathBuf>> {
        let Some(folder) = &self.0 else { return Ok(None) };
        std::fs::create_dir_all(folder)?;
        Ok(Some(folder.join(format!("{number}.{EXTENSION}"))))
    }

    /// All segments in the folder with their numbers. What is damaged or unfinished is removed: it will be made anew.
    pub(super) fn open(&self, shape: Shape) -> Vec<(u32, Segment)> {
        let Some(folder) = &self.0 else { return Vec::new() };
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_segment = path.extension().is_some_and(|extension| extension == EXTENSION);
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            match number.filter(|_| is_segment).map(|number| (number, Segment::open(&path, shape))) {
                Some((number, Ok(segment))) => segments.push((number, segment)),
                refused => {
                    if let Some((_, Err(error))) = refused {
                        tracing::warn!(path = %path.display(), %error, "a file of vectors is made anew");
                    }
                    let _ = std::fs::remove_file(&path);
                }
            }
        }
        segments.sort_unstable_by_key(|(number, _)| *number);
        segments
    }

    /// Removes everything.
    pub(super) fn remove(&self) {
        if let Some(folder) = &self.0 {
            // It may never have been made; what cannot be removed is found out of date later.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
