//! [`SchemaBuild`]: the schemas of some components on their way to becoming the active ones, all together.
//!
//! Deliberately absent: threads and pauses (the caller paces [`SchemaBuild::advance`]) and the switch itself
//! ([`Database::switch`](super::Database::switch)).

use std::sync::Arc;

use fusion_schema::table::Schema;

use super::Database;
use super::component::ComponentId;
use super::component_build::ComponentBuild;
use crate::error::{Error, Result};

/// A document that does not match a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaViolation {
    /// The component it is in.
    pub component: ComponentId,
    /// The table it is in.
    pub table: String,
    /// What is wrong, with the document's id, for people.
    pub message: String,
}

impl SchemaViolation {
    /// As an error of the code `SchemaValidationFailed`.
    pub(super) fn into_error(self) -> Error {
        Error::bad_request("SchemaValidationFailed", self.message)
    }
}

/// How far a build has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildStep {
    /// There is more to look at.
    Working,
    /// Everything published so far is validated and indexed.
    CaughtUp,
    /// A document does not match: the schema cannot become active.
    Violated(SchemaViolation),
}

/// Figures about a build, for people who wait for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuildProgress {
    /// Whether the existing documents of all tables were validated.
    pub is_validated: bool,
    /// New indexes that are built.
    pub indexes_complete: usize,
    /// New indexes.
    pub indexes_total: usize,
}

/// See the module's documentation.
pub struct SchemaBuild {
    pub(super) parts: Vec<ComponentBuild>,
}

impl std::fmt::Debug for SchemaBuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchemaBuild").field("progress", &self.progress()).finish_non_exhaustive()
    }
}

impl SchemaBuild {
    pub(super) fn new(
        database: &Database,
        schemas: impl IntoIterator<Item = (ComponentId, Arc<Schema>)>,
    ) -> Self {
        let part = |(component, schema)| ComponentBuild::new(database.clone(), component, schema);
        Self { parts: schemas.into_iter().map(part).collect() }
    }

    /// Begins again from the newest durable state.
    pub(super) fn restart(&mut self) {
        self.parts.iter_mut().for_each(ComponentBuild::restart);
    }

    /// How far it has come, in all.
    pub fn progress(&self) -> BuildProgress {
        let mut all = BuildProgress { is_validated: true, ..BuildProgress::default() };
        for (_, part) in self.progress_of_components() {
            all.is_validated &= part.is_validated;
            all.indexes_complete += part.indexes_complete;
            all.indexes_total += part.indexes_total;
        }
        all
    }

    /// How far it has come in each component.
    pub fn progress_of_components(&self) -> impl Iterator<Item = (ComponentId, BuildProgress)> {
        self.parts.iter().map(|part| (part.component, part.progress()))
    }

    /// Does a bounded piece of the work in each component: some thousand documents, or catching up with what was
    /// written.
    ///
    /// # Errors
    /// If a document cannot be read.
    pub fn advance(&mut self) -> Result<BuildStep> {
        let mut all = BuildStep::CaughtUp;
        for part in &mut self.parts {
            match part.advance()? {
                BuildStep::CaughtUp => {}
                BuildStep::Working => all = BuildStep::Working,
                violated @ BuildStep::Violated(_) => return Ok(violated),
            }
        }
        Ok(all)
    }

    /// Works until everything published is validated and indexed.
    ///
    /// # Errors
    /// `SchemaValidationFailed` with the first document that does not match; if a document cannot be read.
    pub(super) fn complete(&mut self) -> Result<()> {
        loop {
            match self.advance()? {
                BuildStep::Working => {}
                BuildStep::CaughtUp => return Ok(()),
                BuildStep::Violated(violation) => return Err(violation.into_error()),
            }
        }
    }
}
