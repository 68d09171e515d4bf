//! [`OpenAi`]: chat completions and embeddings in OpenAI's format, which OpenRouter, Ollama, vLLM and most others
//! speak, too.
//!
//! Set by environment variables of the deployment: `OPENAI_API_KEY`, `OPENAI_BASE_URL` (one of the two switches it
//! on; a server of one's own may need no key), `OPENAI_CHAT_MODEL`, `OPENAI_EMBEDDING_MODEL`,
//! `OPENAI_EMBEDDING_DIMENSIONS`.
//!
//! Written over the HTTP client instead of taking the crate async-openai 0.43: that one gives up on a 429 of
//! OpenRouter (whose errors have a numeric `code`, which it cannot read), waits for any `retry-after` however long,
//! logs whole answers it cannot read, which hold what visitors wrote, and brings twenty crates for two calls.

mod events;

use std::collections::BTreeMap;

use fusion_runtime::Result;
use fusion_schema::tables::Usage;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value as Json, json};
use tokio::sync::watch;

use self::events::Events;
use super::chat::{
    Answer, ChatMessage, ChatModel, ChatRequest, Completion, Purpose, ToolCall, ToolDefinition,
};
use super::embedding::{Embedder, VECTOR_LENGTH};
use super::http::Request;
use super::{FailureKind, ServiceFailure, ServiceStatus, Services, Settings};

/// Where OpenAI itself is.
const BASE_URL: &str = "https://api.openai.com/v1";
const CHAT_MODEL: &str = "gpt-4o-mini";
const EMBEDDING_MODEL: &str = "text-embedding-3-small";
/// Names of the built-in models, with which one can be chosen although the other is a real one.
const BUILT_IN_CHAT_MODEL: &str = "scripted";
const BUILT_IN_EMBEDDING_MODEL: &str = "lexical";

const CHAT: &str = "the language model";
const EMBEDDINGS: &str = "the embedding model";

/// The longest text of an answer, in bytes; a server that sends more is not to be trusted.
const TEXT_SIZE_MAX: usize = 1 << 20;
/// Most uses of tools in one answer.
const CALLS_MAX: usize = 16;

/// Where a provider is and how to speak to it.
#[derive(Clone, Debug)]
pub struct OpenAi {
    services: Services,
    base_url: String,
    key: Option<Key>,
    chat_model: String,
    embedding_model: String,
    embedding_dimensions: Option<usize>,
}

/// A key, which no log shows.
#[derive(Clone)]
struct Key(String);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl OpenAi {
    /// The provider the settings name; `None` if they name none.
    ///
    /// # Errors
    /// If a setting cannot be read or makes no sense.
    pub fn from_settings(services: &Services, settings: &mut Settings<'_>) -> Result<Option<Self>> {
        let key = settings.get("OPENAI_API_KEY")?;
        let base_url = settings.get("OPENAI_BASE_URL")?;
        if key.is_none() && base_url.is_none() {
            return Ok(None);
        }
        let base_url = base_url.unwrap_or_else(|| BASE_URL.to_owned()).trim_end_matches('/').to_owned();
        let embedding_dimensions = match settings.get("OPENAI_EMBEDDING_DIMENSIONS")? {
            None => None,
            Some(text) => Some(dimensions(&text)?),
        };
        Ok(Some(Self {
            services: services.clone(),
            base_url,
            key: key.map(Key),
            chat_model: settings.get("OPENAI_CHAT_MODEL")?.unwrap_or_else(|| CHAT_MODEL.to_owned()),
            embedding_model: settings
                .get("OPENAI_EMBEDDING_MODEL")?
                .unwrap_or_else(|| EMBEDDING_MODEL.to_owned()),
            embedding_dimensions,
        }))
    }

    /// Whether its language model is wanted.
    pub fn has_chat(&self) -> bool {
        self.chat_model != BUILT_IN_CHAT_MODEL
    }

    /// Whether its embedding model is wanted.
    pub fn has_embeddings(&self) -> bool {
        self.embedding_model != BUILT_IN_EMBEDDING_MODEL
    }

    fn is_openai(&self) -> bool {
        self.base_url == BASE_URL
    }

    fn post(&self, service: &'static str, path: &str, body: &Json) -> Result<Request<'_>, ServiceFailure> {
        let url = format!("{}{path}", self.base_url);
        let request = Request::new(&self.services, service, Method::POST, &url)
            .map_err(|error| ServiceFailure::new(service, FailureKind::Unreachable, error.message()))?;
        let request = match &self.key {
            Some(key) => request.bearer(&key.0),
            None => request,
        };
        Ok(request.json(body))
    }

    fn chat_body(&self, request: &ChatRequest) -> Json {
        let system = json!({ "role": "system", "content": request.instructions });
        let messages: Vec<Json> =
            std::iter::once(system).chain(request.messages.iter().map(message_json)).collect();
        let mut body = json!({
            "model": self.chat_model, "messages": messages,
            "stream": true, "stream_options": { "include_usage": true },
        });
        // OpenAI's newer models refuse the old name, other servers do not know the new one.
        body[if self.is_openai() { "max_completion_tokens" } else { "max_tokens" }] =
            request.tokens_max.into();
        if !request.tools.is_empty() {
            body["tools"] = request.tools.iter().map(tool_json).collect();
            if !request.may_use_tools {
                body["tool_choice"] = "none".into();
            }
        }
        // Answers about what was found are to stay close to it. Reasoning models take no temperature.
        let reasons = ["o1", "o3", "o4", "gpt-5"].iter().any(|name| self.chat_model.starts_with(name));
        if matches!(request.purpose, Purpose::Interpret { .. }) && !reasons {
            body["temperature"] = 0.into();
        }
        body
    }

    async fn chat(
        &self,
        request: &ChatRequest,
        so_far: &watch::Sender<String>,
    ) -> Result<Completion, ServiceFailure> {
        let call = self.post(CHAT, "/chat/completions", &self.chat_body(request))?;
        let answering = async {
            let mut response = call.send().await?;
            let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let streams = content_type.is_some_and(|value| value.starts_with("text/event-stream"));
            let mut collected = Collected::default();
            let mut events = Events::default();
            let mut whole = Vec::new();
            while let Some(part) = call.next_part(&mut response).await? {
                if !streams {
                    // Servers that do not stream answer all at once.
                    whole.extend_from_slice(&part);
                    if whole.len() > 2 * TEXT_SIZE_MAX {
                        return Err(unusable("it is too long"));
                    }
                    continue;
                }
                for data in events.push(&part).map_err(unusable)? {
                    if data == "[DONE]" {
                        return collected.finish();
                    }
                    let chunk = serde_json::from_str(&data).map_err(|_| unusable("a part is no JSON"))?;
                    collected.add(&chunk, so_far)?;
                }
            }
            if !streams {
                let chunk = serde_json::from_slice(&whole).map_err(|_| unusable("it is no JSON"))?;
                collected.add(&chunk, so_far)?;
            }
            collected.finish()
        };
        match tokio::time::timeout(self.services.patience().answer, answering).await {
            Ok(result) => result,
            Err(_) => Err(ServiceFailure::new(CHAT, FailureKind::TimedOut, "")),
        }
    }

    async fn embeddings(&self, texts: &[String]) -> Result<Vec<Vec<f64>>, ServiceFailure> {
        let mut body = json!({ "model": self.embedding_model, "input": texts, "encoding_format": "float" });
        if let Some(dimensions) = self.embedding_dimensions {
            body["dimensions"] = dimensions.into();
        }
        let answer = self.post(EMBEDDINGS, "/embeddings", &body)?.fetch_json().await?;
        let unusable = |detail: &str| ServiceFailure::new(EMBEDDINGS, FailureKind::Unusable, detail);
        let data = answer.get("data").and_then(Json::as_array).ok_or_else(|| unusable("it has no data"))?;
        let mut vectors: Vec<Option<Vec<f64>>> = vec![None; texts.len()];
        for (place, item) in data.iter().enumerate() {
            // The order is told, or else is that of the texts.
            let index = item.get("index").and_then(Json::as_u64).map_or(place, |index| index as usize);
            let numbers = item.get("embedding").and_then(Json::as_array);
            let vector: Option<Vec<f64>> = numbers.and_then(|list| list.iter().map(Json::as_f64).collect());
            let vector = vector.ok_or_else(|| unusable("a vector is no list of numbers"))?;
            if vector.is_empty() || vector.len() > VECTOR_LENGTH {
                return Err(unusable(&format!(
                    "its vectors have {} numbers, at most {VECTOR_LENGTH} fit; set OPENAI_EMBEDDING_DIMENSIONS or \
                     another OPENAI_EMBEDDING_MODEL",
                    vector.len()
                )));
            }
            *vectors.get_mut(index).ok_or_else(|| unusable("it has more vectors than asked for"))? =
                Some(vector);
        }
        let all: Option<Vec<Vec<f64>>> = vectors.into_iter().collect();
        all.ok_or_else(|| unusable("it has fewer vectors than asked for"))
    }
}

/// Whether a real language model or the scripted one answers.
///
/// # Errors
/// If a setting cannot be read or makes no sense.
pub fn assistant_status(settings: &mut Settings<'_>) -> Result<ServiceStatus> {
    Ok(match OpenAi::from_settings(&Services::default(), settings)?.filter(OpenAi::has_chat) {
        Some(own) => ServiceStatus::real("assistant", format!("{} at {}", own.chat_model, own.provider())),
        None => ServiceStatus::embedded(
            "assistant",
            "answers by fixed rules from the knowledge base; OPENAI_API_KEY or OPENAI_BASE_URL sets a model",
        ),
    })
}

/// Whether a real embedding model or the lexical one makes texts comparable.
///
/// # Errors
/// If a setting cannot be read or makes no sense.
pub fn embeddings_status(settings: &mut Settings<'_>) -> Result<ServiceStatus> {
    Ok(match OpenAi::from_settings(&Services::default(), settings)?.filter(OpenAi::has_embeddings) {
        Some(own) => {
            ServiceStatus::real("embeddings", format!("{} at {}", own.embedding_model, own.provider()))
        }
        None => ServiceStatus::embedded("embeddings", "finds documents by their words"),
    })
}

impl ChatModel for OpenAi {
    fn model(&self) -> &str {
        &self.chat_model
    }

    fn provider(&self) -> &str {
        if self.is_openai() {
            return "openai";
        }
        let rest = self.base_url.split_once("://").map_or(self.base_url.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        so_far: &'a watch::Sender<String>,
    ) -> Answer<'a, Completion> {
        Box::pin(self.chat(request, so_far))
    }
}

impl Embedder for OpenAi {
    fn model(&self) -> String {
        match self.embedding_dimensions {
            Some(dimensions) => format!("{}:{dimensions}", self.embedding_model),
            None => self.embedding_model.clone(),
        }
    }

    fn embed<'a>(&'a self, texts: &'a [String]) -> Answer<'a, Vec<Vec<f64>>> {
        Box::pin(self.embeddings(texts))
    }
}

fn unusable(detail: &str) -> ServiceFailure {
    ServiceFailure::new(CHAT, FailureKind::Unusable, detail)
}

fn dimensions(text: &str) -> Result<usize> {
    text.parse().ok().filter(|count| (1..=VECTOR_LENGTH).contains(count)).ok_or_else(|| {
        crate::errors::bad_request(&format!(
            "The environment variable OPENAI_EMBEDDING_DIMENSIONS must be a number from 1 to {VECTOR_LENGTH}."
        ))
    })
}

fn message_json(message: &ChatMessage) -> Json {
    match message {
        ChatMessage::User(text) => json!({ "role": "user", "content": text }),
        ChatMessage::Image { content_type, content } => {
            use base64::Engine as _;
            let data = base64::engine::general_purpose::STANDARD.encode(content);
            // Inside the request: the provider cannot fetch from a server on somebody's own machine.
            let url = format!("data:{content_type};base64,{data}");
            json!({ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": url } }] })
        }
        ChatMessage::Assistant { text, calls } if calls.is_empty() => {
            json!({ "role": "assistant", "content": text })
        }
        ChatMessage::Assistant { text, calls } => {
            let content = if text.is_empty() { Json::Null } else { text.as_str().into() };
            let calls: Vec<Json> = calls.iter().map(call_json).collect();
            json!({ "role": "assistant", "content": content, "tool_calls": calls })
        }
        ChatMessage::ToolResult { call_id, result } => {
            json!({ "role": "tool", "tool_call_id": call_id, "content": result })
        }
    }
}

fn call_json(call: &ToolCall) -> Json {
    json!({
        "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments },
    })
}

fn tool_json(tool: &ToolDefinition) -> Json {
    let properties: serde_json::Map<String, Json> = tool
        .arguments
        .iter()
        .map(|(name, help)| ((*name).to_owned(), json!({ "type": "string", "description": help })))
        .collect();
    let required: Vec<&str> = tool.arguments.iter().map(|(name, _)| *name).collect();
    json!({
        "type": "function",
        "function": {
            "name": tool.name, "description": tool.description,
            "parameters": {
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            },
        },
    })
}

/// An answer as far as it has come.
#[derive(Default)]
struct Collected {
    text: String,
    calls: BTreeMap<u64, ToolCall>,
    finish_reason: Option<&'static str>,
    usage: Option<Usage>,
}

impl Collected {
    /// Adds a part of a stream, or a whole answer.
    fn add(&mut self, chunk: &Json, so_far: &watch::Sender<String>) -> Result<(), ServiceFailure> {
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            let text = error.get("message").or(Some(error)).and_then(Json::as_str);
            return Err(unusable(text.unwrap_or("it broke off")));
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            self.usage = Some(usage_from(usage));
        }
        let Some(choice) = chunk.pointer("/choices/0") else { return Ok(()) };
        let delta = choice.get("delta").or_else(|| choice.get("message")).unwrap_or(&Json::Null);
        if let Some(text) = delta.get("content").and_then(Json::as_str).filter(|text| !text.is_empty()) {
            self.text.push_str(text);
            if self.text.len() > TEXT_SIZE_MAX {
                return Err(unusable("it is too long"));
            }
            so_far.send_modify(|so_far| so_far.push_str(text));
        }
        let calls = delta.get("tool_calls").and_then(Json::as_array);
        for call in calls.into_iter().flatten() {
            self.add_call(call)?;
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Json::as_str) {
            self.finish_reason = Some(finish_reason(reason));
        }
        Ok(())
    }

    fn add_call(&mut self, part: &Json) -> Result<(), ServiceFailure> {
        let text = |path: &str| part.pointer(path).and_then(Json::as_str).unwrap_or_default();
        // Servers that send calls whole may leave the index out.
        let index = part.get("index").and_then(Json::as_u64).unwrap_or(self.calls.len() as u64);
        if self.calls.len() == CALLS_MAX && !self.calls.contains_key(&index) {
            return Err(unusable("it uses too many tools at once"));
        }
        let call = self.calls.entry(index).or_insert_with(|| ToolCall {
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
        });
        if call.id.is_empty() {
            text("/id").clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            text("/function/name").clone_into(&mut call.name);
        }
        call.arguments.push_str(text("/function/arguments"));
        if call.arguments.len() > TEXT_SIZE_MAX {
            return Err(unusable("it is too long"));
        }
        Ok(())
    }

    fn finish(self) -> Result<Completion, ServiceFailure> {
        let Some(finish_reason) = self.finish_reason else { return Err(unusable("it broke off")) };
        let calls: Vec<ToolCall> = self
            .calls
            .into_iter()
            .map(|(index, mut call)| {
                if call.id.is_empty() {
                    call.id = format!("call_{index}");
                }
                call
            })
            .collect();
        if calls.iter().any(|call| call.name.is_empty()) {
            return Err(unusable("it uses a tool without a name"));
        }
        if calls.is_empty() && self.text.trim().is_empty() {
            return Err(unusable("it is empty"));
        }
        // Some say `stop` although they use tools.
        let finish_reason =
            if !calls.is_empty() && finish_reason == "stop" { "tool-calls" } else { finish_reason };
        Ok(Completion { text: self.text, calls, finish_reason, usage: self.usage })
    }
}

fn usage_from(json: &Json) -> Usage {
    let count = |name: &str| json.get(name).and_then(Json::as_f64).unwrap_or(0.0);
    let (prompt_tokens, completion_tokens) = (count("prompt_tokens"), count("completion_tokens"));
    let total = json.get("total_tokens").and_then(Json::as_f64);
    let total_tokens = total.unwrap_or(prompt_tokens + completion_tokens);
    Usage { prompt_tokens, completion_tokens, total_tokens }
}

/// As messages keep it, which is how the original's front ends know it.
fn finish_reason(reason: &str) -> &'static str {
    match reason {
        "stop" => "stop",
        "length" => "length",
        "tool_calls" | "function_call" => "tool-calls",
        "content_filter" => "content-filter",
        _ => "other",
    }
}
