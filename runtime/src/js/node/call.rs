//! Calls of Node actions.

use std::sync::Arc;
use std::time::Duration;

use fusion_schema::{Object, Value, json};

use super::process::{CallInside, Event};
use crate::Result;
use crate::function::LogLevel;
use crate::function::context::ActionCore;
use crate::function::outcome::describe;
use crate::js::answer::{BlobAnswer, SyscallAnswer};
use crate::js::call::JsFunction;
use crate::js::errors::{self, Bounds};
use crate::js::isolate::{ScriptError, Stopped};
use crate::js::leftovers;
use crate::js::state::{Blob, Host as _};
use crate::js::syscalls::action::ActionHost;

/// How often an action is given to a process before it begins.
const ATTEMPTS_MAX: u32 = 3;
/// How long a process may take to answer once an action in it has used up its time.
const STUCK_AFTER: Duration = Duration::from_secs(2);

impl JsFunction {
    /// Runs it as an action in Node.js.
    ///
    /// # Errors
    /// What the function throws, that it broke a limit, that its process died, or what to install.
    pub(in crate::js) async fn run_in_node(self, core: ActionCore, args: Object) -> Result<Value> {
        let node = self.runtime.node().clone();
        // As for other actions: those that actions call must not wait for them.
        let _place = if core.is_nested() { None } else { Some(node.place().await?) };
        let variables = Arc::new(core.variables()?);
        let bundle = node.bundle(&self.package).await?;
        let limits = node.limits();
        let bounds = Bounds { time: limits.node_action_timeout, memory: limits.node_memory_max };
        let args = json::encode(&Value::Array(vec![Value::Object(args)]));
        let mut attempts = ATTEMPTS_MAX;
        let result = loop {
            attempts -= 1;
            let call = node.enter(&bundle, &variables).await?;
            call.invoke(&self.module, &self.export, &args)?;
            let (result, has_begun) = self.serve(&core, call, bounds).await;
            // A process that died before it began the action did nothing for it.
            if has_begun || result.is_ok() || attempts == 0 {
                break result;
            }
        };
        let failed = |error| errors::function_error(&self.package, error, bounds);
        let text = result.map_err(failed)?;
        json::decode(&text).map_err(|error| failed(ScriptError::error(error.to_string())))
    }

    /// Does what a call asks for until it is over; tells also whether it began.
    async fn serve(
        &self,
        core: &ActionCore,
        mut call: CallInside,
        bounds: Bounds,
    ) -> (Result<String, ScriptError>, bool) {
        let mut has_begun = false;
        let running = self.answer_all(core, &mut call, bounds, &mut has_begun);
        let Ok(result) = tokio::time::timeout(bounds.time, running).await else {
            let process = call.process.clone();
            tokio::spawn(async move {
                // One that computes without an end keeps others from their answers, too.
                if !process.answers(STUCK_AFTER).await {
                    process.kill();
                }
            });
            return (Err(ScriptError::Stopped(Stopped::OutOfTime)), true);
        };
        (result, has_begun)
    }

    async fn answer_all(
        &self,
        core: &ActionCore,
        call: &mut CallInside,
        bounds: Bounds,
        has_begun: &mut bool,
    ) -> Result<String, ScriptError> {
        let name = format!("{}:{}", self.module.trim_end_matches(".js"), self.export);
        let mut host = ActionHost::new(core.clone(), name, self.runtime.tasks().clone());
        loop {
            match call.next().await {
                Event::Began => *has_begun = true,
                Event::Log { level, messages } => {
                    core.log(LogLevel::parse(&level).unwrap_or(LogLevel::Log), messages);
                }
                Event::Syscall { number, op, args } => {
                    host.async_syscall(&op, &args, text_answer(call, number));
                }
                Event::StoreBlob { number, content, content_type, sha256 } => {
                    host.store_blob(Blob { content, content_type, sha256 }, text_answer(call, number));
                }
                Event::GetBlob { number, storage_id } => {
                    let (process, call) = (call.process.clone(), call.number);
                    let answer = BlobAnswer::to(move |result| {
                        let found = |found: Option<(Vec<u8>, String)>| match found {
                            Some((content, content_type)) => (Some(content_type), content),
                            None => (None, Vec::new()),
                        };
                        process.answer(call, number, result.map(found));
                    });
                    host.get_blob(storage_id, answer);
                }
                Event::Rejected(error) => {
                    let text = describe(&errors::function_error(&self.package, error, bounds));
                    let text = text.strip_prefix("Uncaught ").unwrap_or(&text);
                    core.log(LogLevel::Error, vec![format!("Uncaught (in promise) {}", text.trim_end())]);
                }
                Event::Ended { result, unawaited } => {
                    let ops: Vec<String> = unawaited.iter().map(|op| format!("asyncSyscall {op}")).collect();
                    if let Some(warning) = leftovers::unawaited(&ops) {
                        core.log(LogLevel::Warn, vec![warning]);
                    }
                    return result;
                }
            }
        }
    }
}

fn text_answer(call: &CallInside, number: u32) -> SyscallAnswer {
    let (process, call) = (call.process.clone(), call.number);
    SyscallAnswer::to(move |result| {
        process.answer(call, number, result.map(|json| (None, json.into_bytes())));
    })
}
