//! [`Failure`]: why a command failed, and what to do about it.

use std::fmt;
use std::process::ExitCode;

/// The result of a command.
pub type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    is_usage: bool,
}

impl Failure {
    /// Something went wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, is_usage: false }
    }

    /// The command line makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { is_usage: true, ..Self::new(message) }
    }

    /// Adds what to do about it, best as a command.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let shown = path.display();
        if error.kind() != std::io::ErrorKind::NotFound {
            return Self::new(format!("{shown}: {error}"));
        }
        // The nearest folder that is there.
        let folder = path.ancestors().skip(1).find(|folder| folder.is_dir());
        let folder = folder.unwrap_or_else(|| std::path::Path::new("."));
        Self::new(format!("{shown}: there is no such file or folder"))
            .hint(format!("look at what is there: ls {}", folder.display()))
    }

    /// The exit code for it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.is_usage { 2 } else { 1 })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

impl From<fusion_runtime::Error> for Failure {
    fn from(error: fusion_runtime::Error) -> Self {
        use std::error::Error as _;
        let source = error.source().map(|source| format!(" ({source})")).unwrap_or_default();
        Self::new(format!("{}{source}", error.message()))
    }
}
