//! The environment variables of a deployment: `process.env`, `ctx.env(..)`, `fusion env`.
//!
//! Values are encrypted at rest with a key derived from the instance secret, bound to the variable's name.
//! Reading one is an ordinary read, so a change reaches every live query that used it.

use fusion_schema::{DocumentId, Object, Value, object};

use super::events::Events;
use super::{all, equal, first};
use crate::auth::{Purpose, Secrets};
use crate::database::{Document, Transaction};
use crate::{Error, Result};

const TABLE: &str = "_environment_variables";

/// Longest name, in bytes.
pub const NAME_LENGTH_MAX: usize = 256;
/// Longest value, in bytes.
pub const VALUE_LENGTH_MAX: usize = 8 << 10;
/// Most variables of a deployment.
pub const VARIABLES_MAX: usize = 512;
/// Most bytes of all names and values together.
pub const TOTAL_LENGTH_MAX: usize = 512 << 10;
/// Names that the server itself gives values to.
pub const SYSTEM_NAMES: [&str; 2] = ["CONVEX_CLOUD_URL", "CONVEX_SITE_URL"];

/// A stored variable.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvironmentVariable {
    /// Its row.
    pub id: DocumentId,
    /// When it was first set, in milliseconds since the epoch.
    pub creation_time: f64,
    /// Its name.
    pub name: String,
    /// Its value, in the clear.
    pub value: String,
}

impl EnvironmentVariable {
    /// The row as system queries return it.
    pub fn to_value(&self) -> Value {
        Value::Object(object! {
            "_creationTime" => self.creation_time,
            "_id" => self.id,
            "name" => self.name.as_str(),
            "value" => self.value.as_str(),
        })
    }
}

/// A change of one variable; without a value it is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentChange {
    /// Its name.
    pub name: String,
    /// Its new value.
    pub value: Option<String>,
}

/// The environment variables as one transaction sees them.
pub struct Environment<'a> {
    tx: &'a mut Transaction,
    secrets: &'a Secrets,
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

impl<'a> Environment<'a> {
    /// The variables in this transaction.
    pub const fn new(tx: &'a mut Transaction, secrets: &'a Secrets) -> Self {
        Self { tx, secrets }
    }

    fn row(&mut self, name: &str) -> Result<Option<Document>> {
        first(self.tx, TABLE, "by_name", vec![equal("name", name)])
    }

    fn open(&self, row: &Document) -> Result<EnvironmentVariable> {
        let fields = row.fields();
        let name = fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let value = match fields.get("value") {
            Some(Value::Bytes(bytes)) => self.secrets.decrypt(Purpose::EnvironmentValue, &name, bytes),
            _ => None,
        };
        let value = value.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
            Error::bad_request(
                "EnvironmentVariableUnreadable",
                format!(
                    "The environment variable {name} was stored under another instance secret. Set it again, or start the server with the former secret."
                ),
            )
        })?;
        Ok(EnvironmentVariable { id: row.id(), creation_time: row.creation_time(), name, value })
    }

    /// A variable by its name.
    ///
    /// # Errors
    /// `EnvironmentVariableUnreadable` if it was stored under another instance secret.
    pub fn get(&mut self, name: &str) -> Result<Option<EnvironmentVariable>> {
        self.row(name)?.map(|row| self.open(&row)).transpose()
    }

    /// All variables, sorted by name.
    ///
    /// # Errors
    /// As [`Environment::get`].
    pub fn list(&mut self) -> Result<Vec<EnvironmentVariable>> {
        let rows = super::range(self.tx, TABLE, "by_name", Vec::new(), usize::MAX)?;
        rows.iter().map(|row| self.open(row)).collect()
    }

    /// Makes all changes, in order.
    ///
    /// # Errors
    /// Names and values that break a rule or a limit; nothing is to be committed then.
    pub fn apply(&mut self, changes: &[EnvironmentChange]) -> Result<()> {
        for EnvironmentChange { name, value } in changes {
            check_name(name)?;
            match (self.row(name)?, value) {
                (Some(row), None) => {
                    self.tx.delete(row.id())?;
                    self.note("delete", name)?;
                }
                (None, None) => {}
                (found, Some(value)) => {
                    let fields = self.seal(name, value)?;
                    let verb = match found {
                        Some(row) => {
                            self.tx.replace(row.id(), fields)?;
                            "update"
                        }
                        None => {
                            self.tx.insert(TABLE, fields)?;
                            "create"
                        }
                    };
                    self.note(verb, name)?;
                }
            }
        }
        self.check_totals()
    }

    /// Values stay out of the list of events.
    fn note(&mut self, verb: &str, name: &str) -> Result<()> {
        let action = format!("{verb}_environment_variable");
        Events::new(self.tx).record(&action, object! { "variable_name" => name })
    }

    fn seal(&self, name: &str, value: &str) -> Result<Object> {
        if value.len() > VALUE_LENGTH_MAX {
            return Err(Error::bad_request(
                "EnvironmentVariableValueTooLarge",
                format!(
                    "The value of the environment variable {name} has {} bytes, at most {VALUE_LENGTH_MAX} are allowed.",
                    value.len()
                ),
            ));
        }
        let sealed = self.secrets.encrypt(Purpose::EnvironmentValue, name, value.as_bytes())?;
        Ok(object! { "name" => name, "value" => Value::Bytes(sealed) })
    }

    fn check_totals(&mut self) -> Result<()> {
        let rows = all(self.tx, TABLE)?;
        if rows.len() > VARIABLES_MAX {
            return Err(Error::bad_request(
                "EnvironmentVariableLimitExceeded",
                format!(
                    "A deployment may have at most {VARIABLES_MAX} environment variables. Remove some first."
                ),
            ));
        }
        let total: usize = rows.iter().map(Document::size).sum();
        if total > TOTAL_LENGTH_MAX {
            return Err(Error::bad_request(
                "EnvironmentVariablesTooLarge",
                format!(
                    "All environment variables together may have at most {TOTAL_LENGTH_MAX} bytes. Remove some first."
                ),
            ));
        }
        Ok(())
    }
}

/// Fails unless users may set a variable of that name.
fn check_name(name: &str) -> Result<()> {
    if name.len() > NAME_LENGTH_MAX {
        return Err(Error::bad_request(
            "EnvironmentVariableNameTooLong",
            format!("The name of an environment variable may have at most {NAME_LENGTH_MAX} bytes."),
        ));
    }
    let mut bytes = name.bytes();
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    if !bytes.next().is_some_and(letter) || !bytes.all(|byte| letter(byte) || byte.is_ascii_digit()) {
        return Err(Error::bad_request(
            "EnvironmentVariableNameInvalid",
            format!(
                "{name:?} cannot be the name of an environment variable: use letters, digits and underscores, and no digit first."
            ),
        ));
    }
    if SYSTEM_NAMES.contains(&name) {
        return Err(Error::bad_request(
            "EnvVarNameForbidden",
            format!(
                "The environment variable {name} is set by the server and cannot be changed. Choose another name."
            ),
        ));
    }
    Ok(())
}
