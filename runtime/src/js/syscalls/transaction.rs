//! [`TransactionHost`]: what a query or mutation in JavaScript can reach: the execution of the call it runs for.
//!
//! The execution has moved into a slot that the isolate's thread opens for each system call. So a system call
//! costs no switch of threads, and whoever waits for the call can give up on a thread that hangs without having
//! lent it anything.

use std::sync::Arc;

use parking_lot::Mutex;

use super::query::Streams;
use super::{database, functions, query, storage, unknown, unknown_async};
use crate::function::FunctionKind;
use crate::function::LogLevel;
use crate::function::execution::Execution;
use crate::js::answer::{BlobAnswer, SyscallAnswer};
use crate::js::isolate::StopSignal;
use crate::js::state::{Blob, Host};
use crate::{Error, Result};

/// Where a call's execution is while JavaScript runs for it.
#[derive(Debug)]
pub(in crate::js) struct Slot {
    execution: Mutex<Option<Execution>>,
    /// The error that ends the call whatever the script makes of it.
    fatal: Mutex<Option<Error>>,
    stop: Arc<StopSignal>,
}

impl Slot {
    pub(in crate::js) fn new(execution: Execution, stop: Arc<StopSignal>) -> Self {
        Self { execution: Mutex::new(Some(execution)), fatal: Mutex::new(None), stop }
    }

    /// Does something with the execution.
    ///
    /// # Errors
    /// What `body` gives; if it is an error of the system, the script is stopped too.
    pub(in crate::js) fn with<T>(&self, body: impl FnOnce(&mut Execution) -> Result<T>) -> Result<T> {
        let mut execution = self.execution.lock();
        let result = match &mut *execution {
            Some(execution) => body(execution),
            None => Err(Error::internal("the call that JavaScript runs for has ended")),
        };
        if let Err(error) = &result
            && !error.is_deterministic()
        {
            *self.fatal.lock() = Some(error.clone());
            self.stop.stop();
        }
        result
    }

    /// Takes the execution out, unless a thread holds it that hangs.
    pub(in crate::js) fn take(&self) -> Option<Execution> {
        self.execution.try_lock()?.take()
    }

    /// The error that ends the call.
    pub(in crate::js) fn fatal(&self) -> Option<Error> {
        self.fatal.lock().clone()
    }
}

/// See the module's documentation.
pub(in crate::js) struct TransactionHost {
    slot: Arc<Slot>,
    kind: FunctionKind,
    streams: Streams,
}

impl TransactionHost {
    pub(in crate::js) fn new(slot: Arc<Slot>, kind: FunctionKind) -> Self {
        Self { slot, kind, streams: Streams::new() }
    }

    fn run(&mut self, name: &str, args: &str) -> Result<String> {
        let Self { slot, kind, streams } = self;
        let is_mutation = *kind == FunctionKind::Mutation;
        slot.with(|execution| match name {
            "1.0/get" => database::get(execution, args),
            "1.0/count" => database::count(execution, args),
            "1.0/queryStreamNext" => query::next(execution, streams, args),
            "1.0/queryPage" => query::page(execution, args),
            "1.0/getUserIdentity" => database::user_identity(execution),
            "1.0/storageGetUrl" => {
                let found = storage::find_for_url(execution.tx(), args)?;
                Ok(storage::url_or_null(found.map(|file| execution.file_url(&file.uuid))))
            }
            "1.0/storageGetMetadata" => storage::get_metadata(execution.tx(), args),
            "1.0/runUdf" => functions::run_udf(execution, *kind, args),
            "1.0/createFunctionHandle" => functions::create_handle(execution, args),
            "1.0/getFunctionMetadata" => {
                let (name, component) =
                    execution.current().map_or(("", ""), |path| (path.as_str(), path.component()));
                Ok(functions::metadata(name, component))
            }
            "1.0/getTransactionMetrics" => Ok(functions::transaction_metrics(execution)),
            "1.0/getDeploymentMetadata" => Ok(functions::deployment_metadata(execution.deployment())),
            "1.0/insert" if is_mutation => database::insert(execution, args),
            "1.0/shallowMerge" if is_mutation => database::patch(execution, args),
            "1.0/replace" if is_mutation => database::replace(execution, args),
            "1.0/remove" if is_mutation => database::remove(execution, args),
            "1.0/schedule" if is_mutation => functions::schedule(execution, args),
            "1.0/cancel_job" if is_mutation => functions::cancel_job(execution, args),
            "1.0/storageDelete" if is_mutation => storage::delete(execution, args),
            "1.0/storageGenerateUploadUrl" if is_mutation => {
                Ok(super::quoted(&execution.generate_upload_url()?))
            }
            "1.0/getRequestMetadata" if is_mutation => {
                let (request, job) = (execution.request_id(), execution.caller().job());
                Ok(functions::request_metadata(request, job, execution.origin()))
            }
            "1.0/auditLog" => {
                execution.audit(functions::audit_body(args)?);
                Ok("null".to_owned())
            }
            "1.0/storageStore" if is_mutation => storage::store(execution, args),
            "1.0/storageGet" if is_mutation => storage::get(execution, args),
            "1.0/signJwt" if is_mutation => functions::sign_jwt(execution, args),
            _ => Err(unknown_async(name)),
        })
    }
}

impl Host for TransactionHost {
    fn now_ms(&mut self) -> f64 {
        self.slot.with(|execution| Ok(execution.now_ms())).unwrap_or(0.0)
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        let filled = self.slot.with(|execution| {
            execution.random().fill(bytes);
            Ok(())
        });
        // Only a call that has ended cannot; nobody sees what it draws.
        drop(filled);
    }

    fn env(&mut self, name: &str) -> Result<Option<String>> {
        self.slot.with(|execution| execution.env(name))
    }

    fn env_names(&mut self) -> Result<Vec<String>> {
        self.slot.with(Execution::env_names)
    }

    fn log(&mut self, level: LogLevel, messages: Vec<String>) {
        let logged = self.slot.with(|execution| {
            execution.log(level, messages);
            Ok(())
        });
        // What is printed after the call has ended is not printed.
        drop(logged);
    }

    fn syscall(&mut self, name: &str, args: &str) -> Result<String> {
        let Self { slot, streams, .. } = self;
        match name {
            "1.0/queryStream" => slot.with(|execution| query::open(execution, streams, args)),
            "1.0/queryCleanup" => query::cleanup(streams, args),
            "1.0/db/normalizeId" => slot.with(|execution| database::normalize_id(execution, args)),
            "1.0/getSnapshotTs" => slot.with(|execution| Ok(functions::snapshot_ts(execution))),
            "1.0/componentArgument" => Ok("{}".to_owned()),
            _ => Err(unknown(name)),
        }
    }

    fn async_syscall(&mut self, name: &str, args: &str, answer: SyscallAnswer) {
        // At once, in the order of the calls: the script learns of it when its turn is over.
        answer.give(self.run(name, args));
    }

    fn store_blob(&mut self, _blob: Blob, answer: SyscallAnswer) {
        answer.give(Err(unknown("storage/storeBlob")));
    }

    fn get_blob(&mut self, _storage_id: String, answer: BlobAnswer) {
        answer.give(Err(unknown("storage/getBlob")));
    }
}
