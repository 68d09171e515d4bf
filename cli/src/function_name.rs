//! The ways people write the name of a function, and the path the server knows it by.

/// The extensions a module's file may have.
const EXTENSIONS: [&str; 8] = [".ts", ".js", ".tsx", ".jsx", ".mts", ".mjs", ".cts", ".cjs"];

/// The canonical path `a/b:c` for `a/b:c`, `a/b.js:c`, `convex/a/b.ts:c`, `api.a.b.c`, or `a/b` (the default export).
/// `None` if `api.…` has too few parts.
pub(crate) fn canonical_path(name: &str) -> Option<String> {
    if name.starts_with("api.") || name.starts_with("internal.") {
        let parts: Vec<_> = name.split('.').skip(1).collect();
        let (function, module) = parts.split_last()?;
        return (!module.is_empty()).then(|| format!("{}:{function}", module.join("/")));
    }
    let (module, function) = name.split_once(':').unwrap_or((name, "default"));
    let module = EXTENSIONS.iter().find_map(|extension| module.strip_suffix(extension)).unwrap_or(module);
    let module = module.strip_prefix("convex/").unwrap_or(module);
    Some(format!("{module}:{function}"))
}

#[cfg(test)]
mod tests {
    use super::canonical_path;

    #[test]
    fn all_spellings_name_the_same_function() {
        for (name, path) in [
            ("messages:list", "messages:list"),
            ("public/messages:list", "public/messages:list"),
            ("public/messages.js:list", "public/messages:list"),
            ("convex/public/messages.ts:list", "public/messages:list"),
            ("api.public.messages.list", "public/messages:list"),
            ("internal.jobs.clean", "jobs:clean"),
            ("jobs", "jobs:default"),
        ] {
            assert_eq!(canonical_path(name).as_deref(), Some(path));
        }
        assert_eq!(canonical_path("api.messages"), None);
    }
}
