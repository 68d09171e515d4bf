//! Moving a source map: its paths to the sources start at another folder.

use std::path::{Component, Path};

use super::esbuild::normalized;

/// The field with the paths, as esbuild writes it.
const SOURCES: &str = "\"sources\": ";

/// The map with its paths to sources, which start at `from`, starting at `to`. Both folders are absolute. What is no
/// path stays, and so does a text that is not a map as esbuild writes them.
pub(super) fn moved(map: &str, from: &Path, to: &Path) -> String {
    let Some(start) = map.find(SOURCES).map(|at| at + SOURCES.len()) else { return map.to_owned() };
    let mut reader = serde_json::Deserializer::from_str(&map[start..]).into_iter::<Vec<String>>();
    let Some(Ok(sources)) = reader.next() else { return map.to_owned() };
    let end = start + reader.byte_offset();
    let sources: Vec<_> = sources
        .into_iter()
        .map(|source| {
            // Not a file: text in the command, or a module that a tool made up.
            if source.starts_with('<') || source.contains(':') {
                return source;
            }
            relative(&normalized(&from.join(&source)), to)
        })
        .map(|source| serde_json::Value::from(source).to_string())
        .collect();
    format!("{}[{}]{}", &map[..start], sources.join(", "), &map[end..])
}

/// The way from a folder to a file; both are absolute.
pub(super) fn relative(path: &Path, folder: &Path) -> String {
    let shared = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| "..".to_owned());
    let down = path.components().skip(shared).map(|part| match part {
        Component::Normal(name) => name.to_string_lossy().into_owned(),
        other => other.as_os_str().to_string_lossy().into_owned(),
    });
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_at_the_other_folder() {
        let map = "{\n  \"version\": 3,\n  \"sources\": [\"../../../app/convex/a \\\"b\\\".ts\", \"data:x\"],\n  \
                   \"mappings\": \"AAAA\",\n  \"names\": [\"sources\"]\n}\n";
        let moved_map = moved(map, Path::new("/tmp/x/out"), Path::new("/app/out"));
        let expected = map.replace("../../../app/convex", "../convex");
        assert_eq!(moved_map, expected);
        let deeper = moved(map, Path::new("/tmp/x/out"), Path::new("/app/out/_deps"));
        assert!(deeper.contains("[\"../../convex/a \\\"b\\\".ts\", \"data:x\"]"), "{deeper}");
    }

    #[test]
    fn what_is_no_map_stays() {
        for text in ["", "{}", "{\"sources\": 1}", "{\"sources\": [1"] {
            assert_eq!(moved(text, Path::new("/a"), Path::new("/b")), text);
        }
    }
}
