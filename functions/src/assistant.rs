//! The assistant: one visitor's message answered in a few steps.
//!
//! A turn is a loop. The model is given the thread and either says something, which ends the turn, or uses tools, whose
//! results it is given in the next step. Every step is saved on the thread as it is made, so that whoever watches the
//! thread sees the assistant work; while the model speaks, what it has said so far is saved every now and then.
//!
//! The thread is the only memory: a turn that fails leaves its message failed, and the next one begins anew.

mod history;
mod prompts;
pub(crate) mod telemetry;
pub(crate) mod tools;

use std::time::Duration;

use fusion_runtime::Result;
use fusion_runtime::clock::Moment;
use fusion_runtime::function::ActionCtx;
use fusion_schema::Id;
use fusion_schema::tables::AgentMessage;
use tokio::sync::watch;

use crate::errors::service_failed;
use crate::services::chat::{ChatMessage, ChatModel, ChatRequest, Completion, Passage, Purpose, ToolCall};
use crate::services::{ServiceFailure, Services, Settings};
use crate::system::ai::turns::{Begun, FailTurn, GrowReply, SaveStep, ToolUse};
use tools::{Effect, TOOLS};

/// Most steps of a turn; in the last one the model has to answer without tools.
const STEPS_MAX: usize = 5;
/// The longest answer to a visitor or an operator, in tokens.
const ANSWER_TOKENS_MAX: u32 = 1024;
/// The longest answer about what was found, in tokens.
const INTERPRETATION_TOKENS_MAX: u32 = 512;
/// The longest description of an image, in tokens.
const DESCRIPTION_TOKENS_MAX: u32 = 2048;
/// How long a growing reply is collected before it is saved again.
const GROWTH_INTERVAL: Duration = Duration::from_millis(200);
/// The longest question that is handed on to the knowledge base, in characters.
const QUESTION_LENGTH_MAX: usize = 500;
/// What a visitor is told when the assistant could not answer; why it could not is on the thread and in the log.
const UNAVAILABLE: &str = "The assistant could not answer. Please try again.";

/// The language model that now answers.
pub(crate) fn chat_model(ctx: &ActionCtx<Services>) -> Result<std::sync::Arc<dyn ChatModel>> {
    ctx.services().chat_model(&mut Settings::new(&mut |name| ctx.env(name)))
}

/// Answers the message a turn began with.
///
/// # Errors
/// `SERVICE_FAILED` if the model fails, after the message was marked as failed.
pub(crate) async fn answer(ctx: &ActionCtx<Services>, begun: Begun) -> Result<()> {
    let prompt = begun.prompt_message_id;
    let mut turn = Turn { ctx, begun, reply: None };
    let Err(error) = turn.run().await else { return Ok(()) };
    let reply = turn.reply;
    let failed = FailTurn {
        prompt_message_id: prompt,
        reply_message_id: reply,
        error: match error.data() {
            // What a service said is fit for everybody's eyes; other failures are for the log.
            Some(_) => crate::errors::message_of(&error).unwrap_or(UNAVAILABLE).to_owned(),
            None => UNAVAILABLE.to_owned(),
        },
    };
    tracing::warn!(%error, "a turn of the assistant failed");
    ctx.run_mutation::<()>("system/ai/turns:fail", failed).await?;
    Err(service_failed(UNAVAILABLE))
}

struct Turn<'a> {
    ctx: &'a ActionCtx<Services>,
    begun: Begun,
    /// The message that shows what the model has said so far in this step.
    reply: Option<Id<AgentMessage>>,
}

impl Turn<'_> {
    async fn run(&mut self) -> Result<()> {
        let model = chat_model(self.ctx)?;
        let mut request = ChatRequest {
            purpose: Purpose::Support,
            instructions: prompts::SUPPORT.to_owned(),
            messages: history::messages(&self.begun.messages),
            tools: TOOLS,
            may_use_tools: true,
            tokens_max: ANSWER_TOKENS_MAX,
        };
        request.messages.push(ChatMessage::User(self.begun.prompt.clone()));
        for step in 1..=STEPS_MAX {
            request.may_use_tools = step < STEPS_MAX;
            let Some(mut completion) = self.complete(&*model, &request).await? else { return Ok(()) };
            if !request.may_use_tools {
                // It was told not to.
                completion.calls.clear();
                if completion.text.trim().is_empty() {
                    completion.text = tools::NOTHING_FOUND.to_owned();
                }
            }
            let uses = self.use_tools(&*model, &completion.calls).await?;
            let ended = uses.is_empty() || uses.iter().any(|used| used.effect.is_some());
            request.messages.push(ChatMessage::Assistant {
                text: completion.text.clone(),
                calls: uses.iter().map(ToolUse::call).collect(),
            });
            request.messages.extend(uses.iter().map(|used| ChatMessage::ToolResult {
                call_id: used.call_id.clone(),
                result: used.result.clone(),
            }));
            let saved: bool =
                self.ctx.run_mutation("system/ai/turns:step", self.step(&*model, completion, uses)).await?;
            self.reply = None;
            if ended || !saved {
                return Ok(());
            }
        }
        Ok(())
    }

    fn step(&self, model: &dyn ChatModel, completion: Completion, uses: Vec<ToolUse>) -> SaveStep {
        SaveStep {
            prompt_message_id: self.begun.prompt_message_id,
            reply_message_id: self.reply,
            text: completion.text,
            uses,
            model: model.model().to_owned(),
            provider: model.provider().to_owned(),
            finish_reason: completion.finish_reason.to_owned(),
            usage: completion.usage,
        }
    }

    /// One answer of the model, shown as it grows; `None` if nobody waits for it any more.
    async fn complete(&mut self, model: &dyn ChatModel, request: &ChatRequest) -> Result<Option<Completion>> {
        let (so_far, mut growth) = watch::channel(String::new());
        let mut completing = model.complete(request, &so_far);
        let mut next_growth = Moment::now();
        let result = loop {
            tokio::select! {
                biased;
                result = &mut completing => break result,
                // What has been said shows at once, what follows from time to time.
                changed = async {
                    tokio::time::sleep_until(next_growth.instant().into()).await;
                    growth.changed().await
                } => {
                    if changed.is_err() {
                        continue;
                    }
                    let text = growth.borrow_and_update().clone();
                    let grow = GrowReply {
                        prompt_message_id: self.begun.prompt_message_id,
                        reply_message_id: self.reply,
                        text,
                    };
                    self.reply = self.ctx.run_mutation("system/ai/turns:grow", grow).await?;
                    if self.reply.is_none() {
                        return Ok(None);
                    }
                    next_growth = Moment::now().after(GROWTH_INTERVAL);
                }
            }
        };
        drop(completing);
        telemetry::answered(self.ctx, &self.begun.thread, request, model, &result);
        result.map(Some).map_err(ServiceFailure::into_error)
    }

    /// Finds out what comes of each use of a tool. What changes the conversation happens when the step is saved.
    async fn use_tools(&self, model: &dyn ChatModel, calls: &[ToolCall]) -> Result<Vec<ToolUse>> {
        let mut uses = Vec::new();
        for call in calls {
            let arguments: serde_json::Value = serde_json::from_str(&call.arguments).unwrap_or_default();
            let (effect, result) = match call.name.as_str() {
                tools::ESCALATE => (Some(Effect::Escalate), tools::ESCALATED.to_owned()),
                tools::RESOLVE => (Some(Effect::Resolve), tools::RESOLVED.to_owned()),
                tools::SEARCH => match arguments.get("query").and_then(serde_json::Value::as_str) {
                    Some(query) => (None, self.search(model, query).await?),
                    None => (None, "The argument `query` is missing: give the question as text.".to_owned()),
                },
                _ => (None, "There is no such tool.".to_owned()),
            };
            self.ctx.count(
                &telemetry::TOOL_CALLS,
                if TOOLS.iter().any(|tool| tool.name == call.name) { &call.name } else { "unknown" },
                1,
            );
            uses.push(ToolUse {
                call_id: call.id.clone(),
                name: call.name.clone(),
                // A provider is only ever given back what it can read.
                arguments: match arguments {
                    serde_json::Value::Object(_) => call.arguments.clone(),
                    _ => "{}".to_owned(),
                },
                effect,
                result,
            });
        }
        Ok(uses)
    }

    /// What the knowledge base says about a question.
    async fn search(&self, model: &dyn ChatModel, query: &str) -> Result<String> {
        let question: String = query.chars().take(QUESTION_LENGTH_MAX).collect();
        let passages: Vec<Passage> =
            crate::knowledge::search::passages(self.ctx, &self.begun.organization_id, &question).await?;
        if passages.is_empty() {
            return Ok(tools::NOTHING_FOUND.to_owned());
        }
        let request = ChatRequest {
            messages: vec![ChatMessage::User(prompts::retrieved(&question, &passages))],
            purpose: Purpose::Interpret { question, passages },
            instructions: prompts::INTERPRET.to_owned(),
            tools: &[],
            may_use_tools: false,
            tokens_max: INTERPRETATION_TOKENS_MAX,
        };
        let completion = complete(self.ctx, &self.begun.thread, model, &request).await?;
        Ok(completion.text.trim().to_owned())
    }
}

/// One answer of the model that nobody watches grow.
async fn complete(
    ctx: &ActionCtx<Services>,
    thread: &str,
    model: &dyn ChatModel,
    request: &ChatRequest,
) -> Result<Completion> {
    let (so_far, _) = watch::channel(String::new());
    let result = model.complete(request, &so_far).await;
    telemetry::answered(ctx, thread, request, model, &result);
    result.map_err(ServiceFailure::into_error)
}

fn single(purpose: Purpose, instructions: &str, message: ChatMessage, tokens_max: u32) -> ChatRequest {
    ChatRequest {
        purpose,
        instructions: instructions.to_owned(),
        messages: vec![message],
        tools: &[],
        may_use_tools: false,
        tokens_max,
    }
}

/// An operator's draft, put better.
///
/// # Errors
/// `SERVICE_FAILED` if the model fails.
pub(crate) async fn enhance(ctx: &ActionCtx<Services>, draft: &str) -> Result<String> {
    let message = ChatMessage::User(draft.to_owned());
    let request = single(Purpose::Enhance, prompts::ENHANCE, message, ANSWER_TOKENS_MAX);
    Ok(complete(ctx, "", &*chat_model(ctx)?, &request).await?.text)
}

/// What an image shows and what is written in it.
///
/// # Errors
/// `SERVICE_FAILED` if the model fails, or if it is the built-in one, which cannot see.
pub(crate) async fn describe(
    ctx: &ActionCtx<Services>,
    content_type: &str,
    content: bytes::Bytes,
) -> Result<String> {
    let message = ChatMessage::Image { content_type: content_type.to_owned(), content };
    let request = single(Purpose::Describe, prompts::DESCRIBE, message, DESCRIPTION_TOKENS_MAX);
    Ok(complete(ctx, "", &*chat_model(ctx)?, &request).await?.text)
}
