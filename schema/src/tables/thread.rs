//! Threads and their messages.
//!
//! A user's message has the next `order` of its thread and step 0; what is generated in answer to it has the same
//! order and the following steps. A document of `agentMessages` is what functions hand out as a message.

use crate::{Id, Table, Typed, Value};

/// A row of messages.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(name = "agentThreads", index(name = "by_user_id", fields("userId")))]
pub struct AgentThread {
    /// Whom the thread belongs to; in Fusion Chat the organisation.
    pub user_id: Option<String>,
    /// What it is about.
    pub title: Option<String>,
    /// What was said so far, in short.
    pub summary: Option<String>,
    /// Whether it is in use.
    pub status: ThreadStatus,
}

/// Whether a thread is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub enum ThreadStatus {
    /// It is.
    Active,
    /// It is kept only.
    Archived,
}

/// A message of a thread.
#[derive(Clone, Debug, PartialEq, Table)]
#[table(
    name = "agentMessages",
    index(name = "by_thread_id_and_order", fields("threadId", "order", "stepOrder")),
    index(name = "by_thread_id_and_status", fields("threadId", "status", "order", "stepOrder"))
)]
pub struct AgentMessage {
    /// The thread.
    pub thread_id: Id<AgentThread>,
    /// Which turn of the thread this belongs to, from 0.
    pub order: f64,
    /// Which step of the turn this is, from 0.
    pub step_order: f64,
    /// Whether it is complete.
    pub status: MessageStatus,
    /// Whether it is a call of a tool or a tool's result.
    pub tool: bool,
    /// The text, if it has any.
    pub text: Option<String>,
    /// What was said, as language models take it.
    pub message: Option<MessageBody>,
    /// On whose behalf.
    pub user_id: Option<String>,
    /// Who speaks for the organisation: the agent's or the operator's name.
    pub agent_name: Option<String>,
    /// The model that wrote it.
    pub model: Option<String>,
    /// Who runs the model.
    pub provider: Option<String>,
    /// What the model consumed.
    pub usage: Option<Usage>,
    /// Why the model stopped.
    pub finish_reason: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// Files that belong to it.
    pub file_ids: Option<Vec<String>>,
}

/// Whether a message is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub enum MessageStatus {
    /// It is still being written or answered.
    Pending,
    /// It is.
    Success,
    /// It will never be.
    Failed,
}

/// What was said and by whom.
#[derive(Clone, Debug, PartialEq, Typed)]
pub struct MessageBody {
    /// By whom.
    pub role: MessageRole,
    /// Text, or a list of parts.
    pub content: Value,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub enum MessageRole {
    /// The instructions.
    System,
    /// The visitor.
    User,
    /// The organisation: model or operator.
    Assistant,
    /// A tool.
    Tool,
}

/// What a model consumed, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Typed)]
pub struct Usage {
    /// Read.
    pub prompt_tokens: f64,
    /// Written.
    pub completion_tokens: f64,
    /// Both.
    pub total_tokens: f64,
}

impl AgentMessage {
    /// A complete message that is nothing but text.
    pub fn text(thread_id: Id<AgentThread>, order: f64, role: MessageRole, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            thread_id,
            order,
            step_order: 0.0,
            status: MessageStatus::Success,
            tool: false,
            message: Some(MessageBody { role, content: Value::String(text.clone()) }),
            text: Some(text),
            user_id: None,
            agent_name: None,
            model: None,
            provider: None,
            usage: None,
            finish_reason: None,
            error: None,
            file_ids: None,
        }
    }
}
