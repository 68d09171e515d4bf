//! [`Allowance`]: how much a transaction, or a call inside it, may use of each [`Resource`] (C§11), and the texts that
//! say when that is too little.

use crate::error::{Error, Result};
use crate::limits::{FILE_BYTES_READ_MAX, FILE_BYTES_WRITTEN_MAX, FILES_READ_MAX, FILES_WRITTEN_MAX, Limits};

/// What a transaction uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Bytes of documents read.
    BytesRead,
    /// Bytes of documents written.
    BytesWritten,
    /// Index ranges read.
    DatabaseQueries,
    /// Documents read.
    DocumentsRead,
    /// Documents written.
    DocumentsWritten,
    /// Functions scheduled.
    FunctionsScheduled,
    /// Bytes of the arguments of scheduled functions.
    ScheduledFunctionArgsBytes,
    /// Files stored.
    FilesWritten,
    /// Bytes of files stored.
    FileWriteBytes,
    /// Files read.
    FilesRead,
    /// Bytes of files read.
    FileReadBytes,
}

const READ_ADVICE: &str = "Consider using smaller limits in your queries, paginating your queries, or using indexed queries with a selective index range expressions.";
const FILES_ADVICE: &str = "Store and read files in an action instead.";

impl Resource {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::BytesRead,
        Self::BytesWritten,
        Self::DatabaseQueries,
        Self::DocumentsRead,
        Self::DocumentsWritten,
        Self::FunctionsScheduled,
        Self::ScheduledFunctionArgsBytes,
        Self::FilesWritten,
        Self::FileWriteBytes,
        Self::FilesRead,
        Self::FileReadBytes,
    ];

    /// The name by which functions ask for it and limit it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BytesRead => "bytesRead",
            Self::BytesWritten => "bytesWritten",
            Self::DatabaseQueries => "databaseQueries",
            Self::DocumentsRead => "documentsRead",
            Self::DocumentsWritten => "documentsWritten",
            Self::FunctionsScheduled => "functionsScheduled",
            Self::ScheduledFunctionArgsBytes => "scheduledFunctionArgsBytes",
            Self::FilesWritten => "filesWritten",
            Self::FileWriteBytes => "fileWriteBytes",
            Self::FilesRead => "filesRead",
            Self::FileReadBytes => "fileReadBytes",
        }
    }

    /// The resource of that name.
    ///
    /// # Errors
    /// `InvalidTransactionLimit`.
    pub fn named(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::bad_request(
                "InvalidTransactionLimit",
                format!("`transactionLimits` has no \"{name}\". What can be limited: {known}."),
            )
        })
    }

    /// How much of it any transaction may use.
    const fn limit(self, limits: &Limits) -> usize {
        match self {
            Self::BytesRead => limits.bytes_read_max,
            Self::BytesWritten => limits.bytes_written_max,
            Self::DatabaseQueries => limits.index_ranges_read_max,
            Self::DocumentsRead => limits.documents_read_max,
            Self::DocumentsWritten => limits.documents_written_max,
            Self::FunctionsScheduled => limits.functions_scheduled_max,
            Self::ScheduledFunctionArgsBytes => limits.scheduled_arguments_size_max,
            Self::FilesWritten => FILES_WRITTEN_MAX,
            Self::FileWriteBytes => FILE_BYTES_WRITTEN_MAX,
            Self::FilesRead => FILES_READ_MAX,
            Self::FileReadBytes => FILE_BYTES_READ_MAX,
        }
    }

    /// The code, and the text before the limit, its unit, and what to do instead.
    const fn error(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::BytesRead => (
                "TooManyBytesRead",
                "Too many bytes read in a single function execution",
                " bytes",
                READ_ADVICE,
            ),
            Self::BytesWritten => {
                ("TooManyBytesWritten", "Too many bytes written in a single function execution", " bytes", "")
            }
            Self::DatabaseQueries => {
                ("TooManyReads", "Too many reads in a single function execution", "", READ_ADVICE)
            }
            Self::DocumentsRead => (
                "TooManyDocumentsRead",
                "Too many documents read in a single function execution",
                "",
                READ_ADVICE,
            ),
            Self::DocumentsWritten => {
                ("TooManyWrites", "Too many writes in a single function execution", "", "")
            }
            Self::FunctionsScheduled => (
                "TooManyFunctionsScheduled",
                "Too many functions scheduled by this mutation",
                "",
                "Schedule one function that schedules the rest.",
            ),
            Self::ScheduledFunctionArgsBytes => (
                "ScheduledFunctionsArgumentsTooLarge",
                "Too large total size of the arguments of scheduled functions from this mutation",
                " bytes",
                "Store the data in a document and pass its id.",
            ),
            Self::FilesWritten => {
                ("TooManyFilesWritten", "Too many files stored by this mutation", "", FILES_ADVICE)
            }
            Self::FileWriteBytes => (
                "TooManyFileBytesWritten",
                "Too many bytes of files stored by this mutation",
                " bytes",
                FILES_ADVICE,
            ),
            Self::FilesRead => ("TooManyFilesRead", "Too many files read by this mutation", "", FILES_ADVICE),
            Self::FileReadBytes => (
                "TooManyFileBytesRead",
                "Too many bytes of files read by this mutation",
                " bytes",
                FILES_ADVICE,
            ),
        }
    }
}

/// How much of one resource may have been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// The most that the transaction may have used in all.
    most: usize,
    /// The number that its author knows.
    limit: usize,
    /// Whether a call was limited further.
    is_tightened: bool,
}

impl Bound {
    pub(super) const fn new(resource: Resource, limits: &Limits) -> Self {
        let limit = resource.limit(limits);
        Self { most: limit, limit, is_tightened: false }
    }

    /// How much is left when `used` is used.
    pub(super) const fn remaining(self, used: usize) -> usize {
        self.most.saturating_sub(used)
    }

    /// Fails if `used` is too much.
    ///
    /// # Errors
    /// What C§11 says of the resource.
    pub(super) fn check(self, resource: Resource, used: usize) -> Result<()> {
        if used <= self.most {
            return Ok(());
        }
        let (code, what, unit, advice) = resource.error();
        let by = match self.is_tightened {
            true => format!(", set by `transactionLimits.{}` of the call", resource.name()),
            false => String::new(),
        };
        let separator = if advice.is_empty() { "" } else { ". " };
        Err(Error::bad_request(code, format!("{what} (limit: {}{unit}{by}){separator}{advice}", self.limit)))
    }
}

/// How much may be used of everything.
#[derive(Clone, Debug)]
pub(super) struct Allowance([Bound; Resource::ALL.len()]);

impl Allowance {
    /// That of a transaction.
    pub(super) fn new(limits: &Limits) -> Self {
        Self(Resource::ALL.map(|resource| Bound::new(resource, limits)))
    }

    /// That of a call which begins now and is limited further.
    pub(super) fn tighten(&mut self, resource: Resource, limit: usize, used: usize) {
        let bound = &mut self.0[resource as usize];
        let most = used.saturating_add(limit);
        if most < bound.most {
            *bound = Bound { most, limit, is_tightened: true };
        }
    }

    pub(super) const fn of(&self, resource: Resource) -> Bound {
        self.0[resource as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_can_be_limited_further_but_not_less() {
        let mut allowance = Allowance::new(&Limits::default());
        allowance.tighten(Resource::DocumentsRead, 100, 5);
        allowance.tighten(Resource::DocumentsRead, 1_000, 5);
        allowance.tighten(Resource::DocumentsWritten, usize::MAX, 5);
        let read = allowance.of(Resource::DocumentsRead);
        assert_eq!((read.remaining(5), read.remaining(200)), (100, 0));
        read.check(Resource::DocumentsRead, 105).unwrap();
        let error = read.check(Resource::DocumentsRead, 106).unwrap_err();
        assert_eq!(error.code(), "TooManyDocumentsRead");
        assert_eq!(
            error.message(),
            format!(
                "Too many documents read in a single function execution (limit: 100, set by `transactionLimits.documentsRead` of the call). {READ_ADVICE}"
            )
        );
        let written = allowance.of(Resource::DocumentsWritten).check(Resource::DocumentsWritten, 16_001);
        assert_eq!(
            written.unwrap_err().message(),
            "Too many writes in a single function execution (limit: 16000)"
        );
    }

    #[test]
    fn every_resource_has_its_name_and_place() {
        for (place, resource) in Resource::ALL.into_iter().enumerate() {
            assert_eq!((resource as usize, Resource::named(resource.name()).unwrap()), (place, resource));
        }
        assert!(Resource::named("documents").unwrap_err().message().contains("documentsRead"));
    }
}
