//! What a transaction uses of its limits, and how it is held to them.

use super::super::allowance::{Allowance, Bound, Resource};
use super::Transaction;
use crate::error::Result;
use crate::store::TableId;

/// What a transaction has used of its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionMetrics {
    /// Documents read.
    pub documents_read: usize,
    /// Bytes of documents read.
    pub bytes_read: usize,
    /// Index ranges read.
    pub ranges_read: usize,
    /// Documents written.
    pub documents_written: usize,
    /// Bytes of documents written.
    pub bytes_written: usize,
    /// Functions scheduled.
    pub functions_scheduled: usize,
    /// Bytes of their arguments.
    pub scheduled_arguments_size: usize,
    /// Files stored.
    pub files_written: usize,
    /// Bytes of files stored.
    pub file_bytes_written: usize,
    /// Files read.
    pub files_read: usize,
    /// Bytes of files read.
    pub file_bytes_read: usize,
}

impl TransactionMetrics {
    /// How much of a resource is used.
    pub const fn of(&self, resource: Resource) -> usize {
        match resource {
            Resource::BytesRead => self.bytes_read,
            Resource::BytesWritten => self.bytes_written,
            Resource::DatabaseQueries => self.ranges_read,
            Resource::DocumentsRead => self.documents_read,
            Resource::DocumentsWritten => self.documents_written,
            Resource::FunctionsScheduled => self.functions_scheduled,
            Resource::ScheduledFunctionArgsBytes => self.scheduled_arguments_size,
            Resource::FilesWritten => self.files_written,
            Resource::FileWriteBytes => self.file_bytes_written,
            Resource::FilesRead => self.files_read,
            Resource::FileReadBytes => self.file_bytes_read,
        }
    }
}

/// What a transaction did to one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableRows {
    /// The table.
    pub table: TableId,
    /// Documents read.
    pub read: usize,
    /// Documents written.
    pub written: usize,
}

/// What a transaction has used, in all and table by table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionUse {
    /// In all.
    pub metrics: TransactionMetrics,
    /// Of each table that it read or wrote.
    pub rows: Vec<TableRows>,
}

/// The entry of a table, made if it is new. There are few, and most often the last one is asked for.
fn rows_of(rows: &mut Vec<TableRows>, table: TableId) -> &mut TableRows {
    let position = rows.iter().rposition(|rows| rows.table == table);
    let position = position.unwrap_or_else(|| {
        rows.push(TableRows { table, read: 0, written: 0 });
        rows.len() - 1
    });
    &mut rows[position]
}

/// What a transaction might use before it was held to less.
#[must_use = "what follows is held to the limits until they are lifted"]
pub(crate) struct Former(Option<Box<Allowance>>);

impl Transaction {
    /// What it has used of its limits.
    pub fn metrics(&self) -> TransactionMetrics {
        TransactionMetrics { ranges_read: self.ranges_read(), ..self.metrics }
    }

    fn ranges_read(&self) -> usize {
        self.reads.len() + self.ranges_elsewhere
    }

    /// How much of a resource is left.
    pub fn remaining(&self, resource: Resource) -> usize {
        self.bound(resource).remaining(self.metrics().of(resource))
    }

    fn bound(&self, resource: Resource) -> Bound {
        match &self.allowance {
            Some(allowance) => allowance.of(resource),
            None => Bound::new(resource, &self.shared.limits),
        }
    }

    /// Fails if more is used of a resource than may be.
    fn check(&self, resource: Resource, used: usize) -> Result<()> {
        if self.is_unlimited {
            return Ok(());
        }
        self.bound(resource).check(resource, used)
    }

    /// Holds what follows to these limits, too, from what is used now on. Gives what held before, for
    /// [`Transaction::loosen`].
    pub(crate) fn tighten(&mut self, limits: &[(Resource, usize)]) -> Former {
        let mut allowance = match &self.allowance {
            Some(allowance) => allowance.clone(),
            None => Box::new(Allowance::new(&self.shared.limits)),
        };
        let used = self.metrics();
        for (resource, limit) in limits {
            allowance.tighten(*resource, *limit, used.of(*resource));
        }
        Former(self.allowance.replace(allowance))
    }

    /// Ends what [`Transaction::tighten`] began.
    pub(crate) fn loosen(&mut self, former: Former) {
        self.allowance = former.0;
    }

    /// Counts a function that is scheduled with arguments of that size.
    ///
    /// # Errors
    /// `TooManyFunctionsScheduled`, `ScheduledFunctionsArgumentsTooLarge`.
    pub(crate) fn count_scheduled(&mut self, arguments_size: usize) -> Result<()> {
        self.metrics.functions_scheduled += 1;
        self.metrics.scheduled_arguments_size += arguments_size;
        self.check(Resource::FunctionsScheduled, self.metrics.functions_scheduled)?;
        self.check(Resource::ScheduledFunctionArgsBytes, self.metrics.scheduled_arguments_size)
    }

    /// Counts a file of that size that is stored.
    ///
    /// # Errors
    /// `TooManyFilesWritten`, `TooManyFileBytesWritten`.
    pub(crate) fn count_file_written(&mut self, size: usize) -> Result<()> {
        self.metrics.files_written += 1;
        self.metrics.file_bytes_written += size;
        self.check(Resource::FilesWritten, self.metrics.files_written)?;
        self.check(Resource::FileWriteBytes, self.metrics.file_bytes_written)
    }

    /// Counts a file of that size that is read.
    ///
    /// # Errors
    /// `TooManyFilesRead`, `TooManyFileBytesRead`.
    pub(crate) fn count_file_read(&mut self, size: usize) -> Result<()> {
        self.metrics.files_read += 1;
        self.metrics.file_bytes_read += size;
        self.check(Resource::FilesRead, self.metrics.files_read)?;
        self.check(Resource::FileReadBytes, self.metrics.file_bytes_read)
    }

    /// Goes on where another transaction stands with what it has used and may use: what this one reads, it reads for
    /// that one, which hears of it in [`Transaction::count_from`].
    pub(crate) fn count_for(&mut self, other: &Self) {
        self.metrics = other.metrics;
        self.ranges_elsewhere = other.ranges_read();
        self.allowance.clone_from(&other.allowance);
    }

    /// Takes over what a transaction used that read for this one.
    pub(crate) fn count_from(&mut self, other: &Self) {
        self.ranges_elsewhere = other.ranges_read() - self.reads.len();
        self.metrics = other.metrics;
        for row in &other.rows {
            rows_of(&mut self.rows, row.table).read += row.read;
        }
    }

    /// What it has used in all and, since the last such question, of each table.
    pub fn take_usage(&mut self) -> TransactionUse {
        let mut rows = std::mem::take(&mut self.rows);
        for ((table, _), _) in self.writes.iter() {
            rows_of(&mut rows, *table).written += 1;
        }
        TransactionUse { metrics: self.metrics(), rows }
    }

    /// Takes it out of the limits: for the server's own work, whose size others have bounded.
    pub(crate) const fn lift_limits(&mut self) {
        self.is_unlimited = true;
    }

    pub(super) fn check_ranges(&self) -> Result<()> {
        self.check(Resource::DatabaseQueries, self.ranges_read() + 1)
    }

    pub(super) fn count_read(&mut self, table: TableId, size: usize) -> Result<()> {
        rows_of(&mut self.rows, table).read += 1;
        self.metrics.documents_read += 1;
        self.metrics.bytes_read += size;
        self.check(Resource::DocumentsRead, self.metrics.documents_read)?;
        self.check(Resource::BytesRead, self.metrics.bytes_read)
    }

    pub(super) fn count_write(&mut self, size: usize) -> Result<()> {
        self.metrics.documents_written += 1;
        self.metrics.bytes_written += size;
        self.check(Resource::DocumentsWritten, self.metrics.documents_written)?;
        self.check(Resource::BytesWritten, self.metrics.bytes_written)
    }
}
