//! What is counted and logged about the use of language models. Never what was said.

use fusion_runtime::function::{ActionCtx, AppCounter, LogLevel};
use serde_json::json;

use crate::services::chat::{ChatModel, ChatRequest, Completion};
use crate::services::{FailureKind, ServiceFailure, Services};

static AGENT_CALLS: AppCounter = AppCounter {
    name: "fusion_chat_agent_calls_total",
    help: "Answers asked of a language model, by what they are for.",
    label: "purpose",
};
static TOKENS: AppCounter = AppCounter {
    name: "fusion_chat_tokens_total",
    help: "Tokens language models read and wrote.",
    label: "kind",
};
static FAILURES: AppCounter = AppCounter {
    name: "fusion_chat_model_failures_total",
    help: "Answers of language and embedding models that failed, by how.",
    label: "reason",
};
pub(super) static TOOL_CALLS: AppCounter = AppCounter {
    name: "fusion_chat_tool_calls_total",
    help: "Uses of tools by the assistant.",
    label: "tool",
};

/// Counts and logs an answer of a model.
pub(super) fn answered(
    ctx: &ActionCtx<Services>,
    thread: &str,
    request: &ChatRequest,
    model: &dyn ChatModel,
    result: &Result<Completion, ServiceFailure>,
) {
    let purpose = request.purpose.name();
    ctx.count(&AGENT_CALLS, purpose, 1);
    match result {
        Ok(completion) => {
            let Some(usage) = completion.usage else { return };
            ctx.count(&TOKENS, "prompt", usage.prompt_tokens as u64);
            ctx.count(&TOKENS, "completion", usage.completion_tokens as u64);
            let mut line = json!({
                "scope": purpose, "model": model.model(), "provider": model.provider(),
                "usage": {
                    "promptTokens": usage.prompt_tokens, "completionTokens": usage.completion_tokens,
                    "totalTokens": usage.total_tokens,
                },
            });
            if !thread.is_empty() {
                line["threadId"] = thread.into();
            }
            ctx.log(LogLevel::Info, format!("[ai-usage] {line}"));
        }
        Err(failure) => failed(ctx, failure),
    }
}

/// Counts a failure of a model.
pub(crate) fn failed(ctx: &ActionCtx<Services>, failure: &ServiceFailure) {
    let reason = match failure.kind {
        FailureKind::Unreachable => "unreachable",
        FailureKind::TimedOut => "timed_out",
        FailureKind::Refused(429) => "rate_limited",
        FailureKind::Refused(_) => "refused",
        FailureKind::Unusable => "unusable",
    };
    ctx.count(&FAILURES, reason, 1);
}
