//! [`HttpRouter`]: which HTTP action answers a request.
//!
//! An exact path wins over prefixes, and of the prefixes the longest one. There are no parameters; the query
//! string takes no part. `HEAD` is looked up as `GET`.

use std::collections::BTreeMap;

use crate::{Error, Result};

/// The methods a route may have, in the order listings show them.
pub const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

/// Where a route listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoutePath {
    /// One path.
    Exact(String),
    /// Every path that begins with this; it starts and ends with a slash.
    Prefix(String),
}

impl RoutePath {
    /// The path as listings show it: prefixes end in `*`.
    pub fn display(&self) -> String {
        match self {
            Self::Exact(path) => path.clone(),
            Self::Prefix(prefix) => format!("{prefix}*"),
        }
    }
}

/// Routes from paths to whatever answers there.
#[derive(Clone, Debug)]
pub struct HttpRouter<H> {
    exact: BTreeMap<String, BTreeMap<&'static str, H>>,
    /// By method; sorted by prefix, so longer ones come after shorter ones they begin with.
    prefixes: BTreeMap<&'static str, BTreeMap<String, H>>,
}

impl<H> Default for HttpRouter<H> {
    fn default() -> Self {
        Self { exact: BTreeMap::new(), prefixes: BTreeMap::new() }
    }
}

impl<H> HttpRouter<H> {
    /// Adds a route.
    ///
    /// # Errors
    /// `InvalidHttpRoute` if the path or method is not allowed or the route is there already.
    pub fn add(&mut self, path: RoutePath, method: &str, handler: H) -> Result<()> {
        let invalid = |message: String| Err(Error::bad_request("InvalidHttpRoute", message));
        let Some(known) = METHODS.into_iter().find(|known| *known == method) else {
            return invalid(format!(
                "\"{method}\" is not an allowed HTTP method (like {})",
                METHODS.join(", ")
            ));
        };
        let (text, display) = match &path {
            RoutePath::Exact(text) | RoutePath::Prefix(text) => (text.as_str(), path.display()),
        };
        if !text.starts_with('/') {
            return invalid(format!("path '{text}' does not start with a /"));
        }
        if matches!(&path, RoutePath::Prefix(prefix) if !prefix.ends_with('/')) {
            return invalid(format!("pathPrefix '{text}' must end with a /"));
        }
        if text == "/.files" || text.starts_with("/.files/") {
            return invalid(format!("path '{text}' is reserved: paths must not start with /.files/"));
        }
        let duplicate = match &path {
            RoutePath::Exact(path) => self.exact.get(path).is_some_and(|methods| methods.contains_key(known)),
            RoutePath::Prefix(prefix) => {
                self.prefixes.get(known).is_some_and(|prefixes| prefixes.contains_key(prefix))
            }
        };
        if duplicate {
            return invalid(format!("The route {known} '{display}' was already registered."));
        }
        match path {
            RoutePath::Exact(path) => self.exact.entry(path).or_default().insert(known, handler),
            RoutePath::Prefix(prefix) => self.prefixes.entry(known).or_default().insert(prefix, handler),
        };
        Ok(())
    }

    /// The handler for a request's method and path (without its query string), with the length of the prefix, if it is
    /// not an exact path that matches.
    pub fn find(&self, method: &str, path: &str) -> Option<(&H, Option<usize>)> {
        let method = if method == "HEAD" { "GET" } else { method };
        if let Some(handler) = self.exact.get(path).and_then(|methods| methods.get(method)) {
            return Some((handler, None));
        }
        let prefixes = self.prefixes.get(method)?;
        prefixes
            .iter()
            .filter(|(prefix, _)| path.starts_with(*prefix))
            .max_by_key(|(prefix, _)| prefix.len())
            .map(|(prefix, handler)| (handler, Some(prefix.len())))
    }

    /// Every route as listings show it: path (prefixes with `*`), method, handler; exact paths first.
    pub fn routes(&self) -> impl Iterator<Item = (String, &'static str, &H)> {
        let exact = self.exact.iter().flat_map(|(path, methods)| {
            methods.iter().map(move |(method, handler)| (path.clone(), *method, handler))
        });
        let prefixes = self.prefixes.iter().flat_map(|(method, prefixes)| {
            prefixes.iter().map(move |(prefix, handler)| (format!("{prefix}*"), *method, handler))
        });
        exact.chain(prefixes)
    }

    /// The same routes under a prefix, which starts and ends with a slash, each with what `below` makes of its handler.
    ///
    /// # Errors
    /// `InvalidHttpRoute` if the prefix is not allowed.
    pub fn under(self, prefix: &str, below: impl Fn(H) -> H) -> Result<Self> {
        let mut router = Self::default();
        let stem = prefix.trim_end_matches('/');
        for (path, methods) in self.exact {
            for (method, handler) in methods {
                router.add(RoutePath::Exact(format!("{stem}{path}")), method, below(handler))?;
            }
        }
        for (method, prefixes) in self.prefixes {
            for (path, handler) in prefixes {
                router.add(RoutePath::Prefix(format!("{stem}{path}")), method, below(handler))?;
            }
        }
        Ok(router)
    }

    /// Whether there is no route.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router() -> HttpRouter<&'static str> {
        let mut router = HttpRouter::default();
        for (path, method, name) in [
            (RoutePath::Exact("/a/b".to_owned()), "GET", "exact"),
            (RoutePath::Prefix("/a/".to_owned()), "GET", "short"),
            (RoutePath::Prefix("/a/b/".to_owned()), "GET", "long"),
            (RoutePath::Prefix("/a/".to_owned()), "POST", "post"),
        ] {
            router.add(path, method, name).unwrap();
        }
        router
    }

    #[test]
    fn exact_paths_win_then_the_longest_prefix() {
        let router = router();
        for (method, path, found) in [
            ("GET", "/a/b", Some("exact")),
            ("HEAD", "/a/b", Some("exact")),
            ("GET", "/a/b/", Some("long")),
            ("GET", "/a/b/c", Some("long")),
            ("GET", "/a/c", Some("short")),
            ("GET", "/a/", Some("short")),
            ("GET", "/a", None),
            ("GET", "/A/c", None),
            ("POST", "/a/b", Some("post")),
            ("PUT", "/a/b", None),
        ] {
            assert_eq!(router.find(method, path).map(|(handler, _)| *handler), found, "{method} {path}");
        }
    }

    #[test]
    fn wrong_routes_are_refused() {
        let mut router = router();
        for (path, method) in [
            (RoutePath::Exact("a".to_owned()), "GET"),
            (RoutePath::Exact("/a".to_owned()), "HEAD"),
            (RoutePath::Exact("/.files/x".to_owned()), "GET"),
            (RoutePath::Prefix("/.files/".to_owned()), "GET"),
            (RoutePath::Prefix("/p".to_owned()), "GET"),
            (RoutePath::Exact("/a/b".to_owned()), "GET"),
            (RoutePath::Prefix("/a/".to_owned()), "POST"),
        ] {
            let text = format!("{method} {path:?}");
            assert_eq!(router.add(path, method, "new").expect_err(&text).code(), "InvalidHttpRoute");
        }
        assert_eq!(router.find("GET", "/a/b"), Some((&"exact", None)));
    }
}
