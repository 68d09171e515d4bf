//! [`ActionHost`]: what an action in JavaScript can reach. Each call to the server is a task of the async runtime.

use std::sync::Arc;

use bytes::Bytes;
use fusion_schema::json;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::address::Address;
use super::{arguments, functions, object, quoted, storage, unknown, unknown_async, vectors};
use crate::clock::fill_random;
use crate::function::context::{ActionCore, ActionCtx};
use crate::function::{FunctionKind, LogLevel};
use crate::js::answer::{BlobAnswer, SyscallAnswer};
use crate::js::state::{Blob, Host};
use crate::limits::ACTION_CALLS_MAX;
use crate::{Error, Result};

/// See the module's documentation.
pub(in crate::js) struct ActionHost {
    core: ActionCore,
    name: String,
    tasks: tokio::runtime::Handle,
    places: Arc<Semaphore>,
}

impl ActionHost {
    pub(in crate::js) fn new(core: ActionCore, name: String, tasks: tokio::runtime::Handle) -> Self {
        Self { core, name, tasks, places: Arc::new(Semaphore::new(ACTION_CALLS_MAX)) }
    }

    /// Runs a task when fewer than the most are running.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let places = self.places.clone();
        self.tasks.spawn(async move {
            // Nobody closes it.
            let _place = places.acquire().await;
            task.await;
        });
    }
}

async fn run(core: &ActionCore, name: &str, function: &str, args: &str) -> Result<String> {
    match name {
        "1.0/actions/query" => call(core, FunctionKind::Query, name, args).await,
        "1.0/actions/mutation" => call(core, FunctionKind::Mutation, name, args).await,
        "1.0/actions/action" => call(core, FunctionKind::Action, name, args).await,
        "1.0/actions/schedule" => {
            let functions::Scheduled { due_ms, path, args } = functions::scheduled(name, args, core)?;
            Ok(quoted(&core.schedule(due_ms, &path, args).await?.to_string()))
        }
        "1.0/actions/cancel_job" => {
            core.cancel_job(functions::job_id(name, args)?).await?;
            Ok("null".to_owned())
        }
        "1.0/actions/vectorSearch" => vectors::search(core, args).await,
        "1.0/getUserIdentity" => {
            let user = core.user()?;
            Ok(user.map_or_else(|| "null".to_owned(), |user| json::encode(&user.to_value())))
        }
        "1.0/storageGetUrl" => {
            let found = storage::find_for_url(&mut core.begin_query(), args)?;
            Ok(storage::url_or_null(found.map(|file| core.file_url(&file.uuid))))
        }
        "1.0/storageGetMetadata" => storage::get_metadata(&mut core.begin_query(), args),
        "1.0/storageDelete" => {
            let id = storage::to_delete(&mut core.begin_query(), args)?;
            ActionCtx::new(core.clone(), ()).storage().delete(id.into()).await?;
            Ok("null".to_owned())
        }
        "1.0/storageGenerateUploadUrl" => Ok(quoted(&core.generate_upload_url()?)),
        "1.0/createFunctionHandle" => functions::create_handle(core, args),
        "1.0/getFunctionMetadata" => Ok(functions::metadata(function, core.component_path())),
        "1.0/getDeploymentMetadata" => Ok(functions::deployment_metadata(core.deployment())),
        "1.0/auditLog" => {
            core.audit(functions::audit_body(args)?);
            Ok("null".to_owned())
        }
        "1.0/getRequestMetadata" => {
            Ok(functions::request_metadata(core.request_id(), core.job(), core.origin()))
        }
        "1.0/createServiceToken" | "1.0/getServiceUrl" => {
            Err(Error::bad_request("ServiceNotAvailable", "This server offers no AI gateway."))
        }
        _ => Err(unknown_async(name)),
    }
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(flatten)]
    address: Address,
    #[serde(borrow)]
    args: &'a RawValue,
}

async fn call(core: &ActionCore, kind: FunctionKind, name: &str, args: &str) -> Result<String> {
    let (path, args) = {
        let Call { address, args } = arguments(name, args)?;
        (address.path(core)?, object(args, "The arguments of a function")?)
    };
    Ok(json::encode(&core.run(kind, &path, args).await?))
}

impl Host for ActionHost {
    fn now_ms(&mut self) -> f64 {
        self.core.deployment().clock().unix_ms()
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        fill_random(bytes);
    }

    fn env(&mut self, name: &str) -> Result<Option<String>> {
        self.core.env(name)
    }

    fn env_names(&mut self) -> Result<Vec<String>> {
        self.core.env_names()
    }

    fn log(&mut self, level: LogLevel, messages: Vec<String>) {
        self.core.log(level, messages);
    }

    fn syscall(&mut self, name: &str, _args: &str) -> Result<String> {
        match name {
            "1.0/componentArgument" => Ok("{}".to_owned()),
            _ => Err(unknown(name)),
        }
    }

    fn async_syscall(&mut self, name: &str, args: &str, answer: SyscallAnswer) {
        let (core, function) = (self.core.clone(), self.name.clone());
        let (name, args) = (name.to_owned(), args.to_owned());
        self.spawn(async move { answer.give(run(&core, &name, &function, &args).await) });
    }

    fn store_blob(&mut self, blob: Blob, answer: SyscallAnswer) {
        let core = self.core.clone();
        self.spawn(async move {
            let Blob { content, content_type, sha256 } = blob;
            let stored = async {
                let expected = storage::sha256(sha256.as_deref())?;
                let content_type = Some(content_type).filter(|text| !text.is_empty());
                let ctx = ActionCtx::new(core, ());
                ctx.storage().store_expected(Bytes::from(content), content_type, expected).await
            };
            answer.give(stored.await.map(|id| quoted(&id.document_id().to_string())));
        });
    }

    fn get_blob(&mut self, storage_id: String, answer: BlobAnswer) {
        let core = self.core.clone();
        self.spawn(async move {
            let read = async {
                let deployment = core.deployment();
                let file = storage::find_id(&mut core.begin_query(), &storage_id)?;
                let Some(file) = file else { return Ok(None) };
                let content = deployment.files.read(&file.uuid).await?;
                Ok(Some((content.to_vec(), file.content_type.unwrap_or_default())))
            };
            answer.give(read.await);
        });
    }
}
