//! What the assistant can do besides talking.

use fusion_schema::Typed;

use crate::services::chat::ToolDefinition;

/// Hands the conversation over to an operator.
pub(crate) const ESCALATE: &str = "escalateConversationTool";
/// Closes the conversation.
pub(crate) const RESOLVE: &str = "resolveConversationTool";
/// Asks the knowledge base.
pub(crate) const SEARCH: &str = "searchTool";

/// All tools, under the names the original's threads have.
pub(crate) const TOOLS: &[ToolDefinition] = &[
    ToolDefinition {
        name: ESCALATE,
        description: "Hand the conversation over to a human operator. Use it when the visitor asks for a human, \
                      or is angry or stuck.",
        arguments: &[],
    },
    ToolDefinition {
        name: RESOLVE,
        description: "Close the conversation. Use it when the visitor's questions are settled and they say so.",
        arguments: &[],
    },
    ToolDefinition {
        name: SEARCH,
        description: "Search the organization's knowledge base. Use it before answering any question about the \
                      organization, its products or its services.",
        arguments: &[("query", "What to look for, as a full question in the visitor's language")],
    },
];

/// What comes of a hand-over.
pub(crate) const ESCALATED: &str = "Conversation escalated to a human operator";
/// What comes of closing.
pub(crate) const RESOLVED: &str = "Conversation resolved";
/// What comes of a search without results.
pub(crate) const NOTHING_FOUND: &str =
    "I could not find anything about that in our knowledge base. Would you like to talk to a human?";

/// What a tool does to the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Typed)]
pub(crate) enum Effect {
    /// An operator takes over.
    Escalate,
    /// It is over.
    Resolve,
}

impl Effect {
    /// The mutation that does it.
    pub(crate) const fn mutation(self) -> &'static str {
        match self {
            Self::Escalate => "system/conversations:escalate",
            Self::Resolve => "system/conversations:resolve",
        }
    }

    /// What the visitor is told.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Escalate => "Conversation escalated to a human operator.",
            Self::Resolve => "Conversation resolved.",
        }
    }
}
