//! [`ClientVersion`]: which client speaks, as the `Convex-Client` header and the socket's path tell.

use crate::error::{Error, Result};

/// A client library and its version. Ordered by version within one library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientVersion {
    /// The library: `npm`, `npm-cli`, `python`, `rust`, …
    pub name: String,
    /// Major, minor, patch.
    pub number: [u32; 3],
}

impl ClientVersion {
    /// Reads `<name>-<semver>`.
    ///
    /// # Errors
    /// `InvalidVersion`.
    pub fn parse(text: &str) -> Result<Self> {
        // The name may itself contain dashes and the version a pre-release: the version begins at the first dash
        // that a digit follows.
        let dash = text
            .match_indices('-')
            .map(|(index, _)| index)
            .find(|index| text[index + 1..].starts_with(|first: char| first.is_ascii_digit()));
        let Some(dash) = dash.filter(|dash| *dash > 0) else { return Err(invalid(text)) };
        Self::new(&text[..dash], &text[dash + 1..])
    }

    /// A client that does not say what it is.
    pub fn unknown() -> Self {
        Self { name: "unknown".to_owned(), number: [0; 3] }
    }

    /// The npm client of the version in a socket's path.
    ///
    /// # Errors
    /// `InvalidVersion`.
    pub fn npm(version: &str) -> Result<Self> {
        Self::new("npm", version)
    }

    fn new(name: &str, version: &str) -> Result<Self> {
        let release = version.split(['-', '+']).next().unwrap_or(version);
        let mut number = [0; 3];
        let mut parts = release.split('.');
        for part in &mut number {
            *part = parts.next().and_then(|part| part.parse().ok()).ok_or_else(|| invalid(version))?;
        }
        if parts.next().is_some() {
            return Err(invalid(version));
        }
        Ok(Self { name: name.to_owned(), number })
    }

    /// Whether it puts TransitionChunks together.
    pub fn takes_chunks(&self) -> bool {
        self.name == "npm" && self.number >= [1, 28, 0]
    }

    /// Whether results are lossless unless asked for otherwise, as old clients expect.
    pub fn expects_encoded_json(&self) -> bool {
        match self.name.as_str() {
            "npm" => self.number < [1, 4, 1],
            "python" | "python-convex" => self.number < [0, 5, 0],
            _ => false,
        }
    }

    /// Whether it takes numbers without a dot for integers and refuses them: Python's HTTP client.
    pub fn needs_dots(&self) -> bool {
        self.name == "python"
    }

    /// Fails for clients that are too old to be served.
    ///
    /// # Errors
    /// `ClientVersionUnsupported`.
    pub fn check(&self) -> Result<()> {
        if self.name == "npm" && self.number <= [0, 19, 1] {
            let [major, minor, patch] = self.number;
            return Err(Error::bad_request(
                "ClientVersionUnsupported",
                format!(
                    "The Convex npm client {major}.{minor}.{patch} is no longer supported. Update it with `npm install convex@latest`."
                ),
            ));
        }
        Ok(())
    }
}

fn invalid(text: &str) -> Error {
    Error::bad_request(
        "InvalidVersion",
        format!("'{text}' is not a client version. Write it like 'npm-1.48.0'."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_told_apart() {
        for (text, name, number) in [
            ("npm-1.48.0", "npm", [1, 48, 0]),
            ("npm-cli-1.48.0", "npm-cli", [1, 48, 0]),
            ("rust-0.9.0", "rust", [0, 9, 0]),
            ("npm-1.49.0-alpha.2", "npm", [1, 49, 0]),
            ("swift-convex-mobile-0.5.5+build-7", "swift-convex-mobile", [0, 5, 5]),
        ] {
            let version = ClientVersion::parse(text).expect(text);
            assert_eq!((version.name.as_str(), version.number), (name, number));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "npm",
            "npm-",
            "-1.2.3",
            "npm-1.2",
            "npm-1.2.3.4",
            "1.2.3",
            "npm-1.2.x",
            "npm-99999999999.0.0",
        ] {
            assert_eq!(ClientVersion::parse(text).expect_err(text).code(), "InvalidVersion");
        }
    }

    #[test]
    fn what_versions_can_do() {
        let parse = |text| ClientVersion::parse(text).expect(text);
        assert!(parse("npm-1.28.0").takes_chunks() && !parse("npm-1.27.9").takes_chunks());
        assert!(!parse("rust-2.0.0").takes_chunks());
        assert!(parse("npm-1.4.0").expects_encoded_json() && !parse("npm-1.4.1").expects_encoded_json());
        assert!(
            parse("python-0.4.9").expects_encoded_json() && !parse("python-0.5.0").expects_encoded_json()
        );
        assert!(!parse("dashboard-0.0.0").expects_encoded_json());
        assert_eq!(parse("npm-0.19.1").check().expect_err("too old").code(), "ClientVersionUnsupported");
        assert!(parse("npm-0.19.2").check().is_ok() && parse("npm-cli-0.1.0").check().is_ok());
    }
}
