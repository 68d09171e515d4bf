//! `private/messages`: what operators say and read.

use fusion_runtime::Result;
use fusion_runtime::function::{ActionCtx, MutationCtx, QueryCtx};
use fusion_schema::tables::{AgentMessage, Conversation, ConversationStatus, MessageRole};
use fusion_schema::{Doc, Id, Page, PaginationOptions, Typed, object};

use crate::errors::{bad_request, wrong_arguments};
use crate::guards::Operator;
use crate::services::Services;
use crate::system::conversations::ThreadArgs;
use crate::{assistant, pages, threads};

/// `private/messages`.
pub(crate) fn register(module: &mut crate::Module) {
    module
        .action("enhanceResponse", enhance_response)
        .confidential()
        .mutation("create", create)
        .confidential()
        .query("getMany", get_many);
}

/// Either `prompt`, or `threadId` and `message`.
#[derive(Typed)]
struct EnhanceResponse {
    prompt: Option<String>,
    thread_id: Option<String>,
    message: Option<String>,
}

/// The text alone, or an object with it, as the form of the arguments wants it.
#[derive(Typed)]
enum Enhanced {
    Text(String),
    Message { message: String },
}

/// An operator's draft, put better.
async fn enhance_response(ctx: ActionCtx<Services>, args: EnhanceResponse) -> Result<Enhanced> {
    let operator = Operator::from_identity(ctx.identity()?, "Identity not found")?;
    match args {
        EnhanceResponse { prompt: Some(prompt), thread_id: None, message: None } => {
            Ok(Enhanced::Text(assistant::enhance(&ctx, &prompt).await?))
        }
        EnhanceResponse { prompt: None, thread_id: Some(thread_id), message: Some(message) } => {
            let conversation: Option<Doc<Conversation>> =
                ctx.run_query("system/conversations:getByThreadId", ThreadArgs { thread_id }).await?;
            operator.own(conversation, "Invalid Organization ID")?;
            Ok(Enhanced::Message { message: assistant::enhance(&ctx, &message).await? })
        }
        _ => Err(wrong_arguments("Give either `prompt`, or `threadId` and `message`.")),
    }
}

/// Either `prompt` and `conversationId`, or `message` and `threadId`.
#[derive(Typed)]
struct CreateMessage {
    prompt: Option<String>,
    conversation_id: Option<Id<Conversation>>,
    thread_id: Option<String>,
    message: Option<String>,
}

/// Says something to the visitor. An operator who speaks takes over from the assistant.
fn create(ctx: &mut MutationCtx<'_>, args: CreateMessage) -> Result<()> {
    let operator = Operator::of(ctx)?;
    let (conversation, text) = match args {
        CreateMessage { prompt: Some(prompt), conversation_id: Some(id), thread_id: None, message: None } => {
            (operator.conversation(ctx, id, "Invalid Organization ID")?, prompt)
        }
        CreateMessage {
            prompt: None,
            conversation_id: None,
            thread_id: Some(thread_id),
            message: Some(message),
        } => (operator.conversation_of_thread(ctx, &thread_id)?, message),
        _ => {
            return Err(wrong_arguments(
                "Give either `prompt` and `conversationId`, or `message` and `threadId`.",
            ));
        }
    };
    match conversation.status {
        ConversationStatus::Resolved => return Err(bad_request("Conversation resolved")),
        ConversationStatus::Unresolved => {
            ctx.db().patch(conversation.id, object! { "status" => "escalated" })?;
        }
        ConversationStatus::Escalated => {}
    }
    let thread = threads::find(ctx, &conversation.thread_id)?;
    let mut message = AgentMessage::text(thread, 0.0, MessageRole::Assistant, text);
    message.agent_name = operator.family_name;
    threads::append(ctx, message)?;
    Ok(())
}

#[derive(Typed)]
struct ListMessages {
    thread_id: String,
    pagination_opts: PaginationOptions,
}

/// The messages of a conversation of the organisation, newest first.
fn get_many(ctx: &mut QueryCtx<'_>, args: ListMessages) -> Result<Page<Doc<AgentMessage>>> {
    let operator = Operator::of(ctx)?;
    operator.conversation_of_thread(ctx, &args.thread_id)?;
    pages::messages(ctx, &args.thread_id, args.pagination_opts)
}
