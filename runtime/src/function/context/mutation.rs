//! [`MutationCtx`]: what a mutation can do.

use std::ops::{Deref, DerefMut};

use fusion_schema::Typed;

use super::{FileWriter, QueryCtx, SchedulerCtx, Writer};
use crate::Result;
use crate::function::call::FunctionKind;
use crate::function::execution::Execution;

/// What a mutation can do: everything a query can, and write. All of it happens or nothing.
#[derive(Debug)]
pub struct MutationCtx<'a> {
    query: QueryCtx<'a>,
}

impl<'a> MutationCtx<'a> {
    /// A view of an execution.
    pub const fn new(execution: &'a mut Execution) -> Self {
        Self { query: QueryCtx::new(execution) }
    }

    /// The database, to read and write.
    pub const fn db(&mut self) -> Writer<'_> {
        Writer::new(self.query.execution())
    }

    /// Runs a mutation inside this one: if it fails, its own writes are undone and the caller may go on.
    ///
    /// # Errors
    /// The mutation's error.
    pub fn run_mutation<R: Typed>(&mut self, path: &str, args: impl Typed) -> Result<R> {
        self.query.run(FunctionKind::Mutation, path, args)
    }

    /// Functions to run later; they are scheduled if and when this mutation commits.
    pub const fn scheduler(&mut self) -> SchedulerCtx<'_> {
        SchedulerCtx::new(self.query.execution())
    }

    /// Stored files, to read about and delete.
    pub const fn storage(&mut self) -> FileWriter<'_> {
        FileWriter::new(self.query.execution())
    }
}

impl<'a> Deref for MutationCtx<'a> {
    type Target = QueryCtx<'a>;

    fn deref(&self) -> &QueryCtx<'a> {
        &self.query
    }
}

impl<'a> DerefMut for MutationCtx<'a> {
    fn deref_mut(&mut self) -> &mut QueryCtx<'a> {
        &mut self.query
    }
}
