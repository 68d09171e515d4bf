//! [`ChatModel`]: what a language model is asked and what it answers.
//!
//! The types are those of a conversation, not of a wire: `openai` turns them into the chat completions that most
//! providers speak, `scripted` answers them by rules.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use fusion_schema::tables::Usage;
use tokio::sync::watch;

use super::ServiceFailure;

/// The answer of a service, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ServiceFailure>> + Send + 'a>>;

/// A language model.
pub trait ChatModel: Send + Sync + fmt::Debug {
    /// The model's name.
    fn model(&self) -> &str;

    /// Who runs it.
    fn provider(&self) -> &str;

    /// Answers. While it does, `so_far` is given the text as it grows; the whole text comes with the result.
    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        so_far: &'a watch::Sender<String>,
    ) -> Answer<'a, Completion>;
}

/// What a language model is asked.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    /// What it is for.
    pub purpose: Purpose,
    /// How it is to behave.
    pub instructions: String,
    /// What was said so far, oldest first.
    pub messages: Vec<ChatMessage>,
    /// What it may use.
    pub tools: &'static [ToolDefinition],
    /// Whether it may use the tools now, or has to answer with what it knows.
    pub may_use_tools: bool,
    /// The longest answer, in tokens.
    pub tokens_max: u32,
}

/// What an answer is for. The scripted model goes by this instead of the instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Helping a visitor.
    Support,
    /// Answering a question from what was found about it.
    Interpret {
        /// The question.
        question: String,
        /// What was found, best first.
        passages: Vec<Passage>,
    },
    /// Putting an operator's draft better; the draft is the only message.
    Enhance,
    /// Saying what is in an image.
    Describe,
}

impl Purpose {
    /// Its name in logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Interpret { .. } => "search",
            Self::Enhance => "enhance",
            Self::Describe => "describe",
        }
    }
}

/// A part of a document of the knowledge base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The document's name.
    pub title: String,
    /// The part.
    pub text: String,
}

/// A message of a conversation with a model.
#[derive(Clone, Debug, PartialEq)]
pub enum ChatMessage {
    /// Somebody says something.
    User(String),
    /// Somebody shows an image.
    Image {
        /// What it is, e.g. `image/png`.
        content_type: String,
        /// The file.
        content: Bytes,
    },
    /// The model says something, uses tools, or both.
    Assistant {
        /// What it says.
        text: String,
        /// What it uses.
        calls: Vec<ToolCall>,
    },
    /// What came of the use of a tool.
    ToolResult {
        /// Which use.
        call_id: String,
        /// What came of it.
        result: String,
    },
}

/// A tool a model can use.
#[derive(Debug)]
pub struct ToolDefinition {
    /// Its name.
    pub name: &'static str,
    /// When to use it.
    pub description: &'static str,
    /// Its arguments: each one's name and what it means. All are text, all are needed.
    pub arguments: &'static [(&'static str, &'static str)],
}

/// The use of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Names this use.
    pub id: String,
    /// Which tool.
    pub name: String,
    /// Its arguments as the model wrote them; should be a JSON object.
    pub arguments: String,
}

/// A model's answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// What it says; may be empty if it uses tools.
    pub text: String,
    /// What it uses.
    pub calls: Vec<ToolCall>,
    /// Why it stopped: `stop`, `length`, `tool-calls`, `content-filter`, `other`.
    pub finish_reason: &'static str,
    /// What it consumed, if it said so.
    pub usage: Option<Usage>,
}
