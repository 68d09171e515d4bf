//! [`ScriptedModel`]: answers by fixed rules, so that a deployment without a language model is of use.
//!
//! Equal conversations get equal answers. It recognises the wish for a human and the end of a conversation, which
//! are the two moments that change who has to act; everything else it looks up in the knowledge base, and it quotes
//! what it finds or says that it can do no more.

use fusion_runtime::clock::random_bytes;
use serde_json::json;
use tokio::sync::watch;

use super::chat::{Answer, ChatMessage, ChatModel, ChatRequest, Completion, Passage, Purpose, ToolCall};
use super::lexical::{sentences, terms};
use super::{FailureKind, ServiceFailure};
use crate::assistant::tools::{ESCALATE, NOTHING_FOUND, RESOLVE, SEARCH};

/// What the assistant does about a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reply {
    /// It says this.
    Text(&'static str),
    /// It hands over to an operator.
    Escalate,
    /// It closes the conversation.
    Resolve,
    /// It looks the question up.
    Search,
}

/// The language model that is built in.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScriptedModel;

/// Words that ask for a person wherever they stand.
const HUMAN_WORDS: [&str; 6] = ["human", "humans", "operator", "operators", "representative", "escalate"];
/// Phrases that ask for a person.
const HUMAN_PHRASES: [&str; 10] = [
    "real person",
    "actual person",
    "a person",
    "live person",
    "live agent",
    "real agent",
    "an agent",
    "to someone",
    "to somebody",
    "your manager",
];
/// Phrases that end a conversation.
const ENDINGS: [&str; 10] = [
    "that s all",
    "thats all",
    "that is all",
    "that will be all",
    "nothing else",
    "no more questions",
    "no further questions",
    "problem solved",
    "goodbye",
    "bye",
];
/// Words of thanks; they end a conversation only in a message that says little else.
const THANKS: [&str; 5] = ["thanks", "thank", "thx", "cheers", "ty"];
/// The longest message, in words, that is taken for nothing but thanks.
const THANKS_WORDS_MAX: usize = 6;
/// Words that show that thanks are not the end.
const GOING_ON: [&str; 6] = ["but", "however", "can", "could", "how", "what"];
const GREETINGS: [&str; 6] = ["hello", "hi", "hey", "morning", "afternoon", "evening"];
/// The longest message, in words, that is taken for nothing but a greeting.
const GREETING_WORDS_MAX: usize = 3;
/// How much of a question is repeated, in characters.
const QUOTE_LENGTH_MAX: usize = 200;
/// How much of a document is quoted, in characters.
const PASSAGE_LENGTH_MAX: usize = 400;

impl ChatModel for ScriptedModel {
    fn model(&self) -> &str {
        "scripted"
    }

    fn provider(&self) -> &str {
        "fusion"
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        _: &'a watch::Sender<String>,
    ) -> Answer<'a, Completion> {
        let answer = answer(request);
        Box::pin(std::future::ready(answer))
    }
}

fn answer(request: &ChatRequest) -> Result<Completion, ServiceFailure> {
    let said = |text: String| Completion { text, finish_reason: "stop", ..Completion::default() };
    let prompt = request.messages.iter().rev().find_map(|message| match message {
        ChatMessage::User(text) => Some(text.as_str()),
        _ => None,
    });
    let prompt = prompt.unwrap_or_default();
    match &request.purpose {
        Purpose::Enhance => Ok(said(enhance(prompt))),
        Purpose::Interpret { question, passages } => Ok(said(interpret(question, passages))),
        Purpose::Describe => Err(ServiceFailure::new(
            "the built-in assistant",
            FailureKind::Unusable,
            "it cannot see images; set OPENAI_API_KEY or OPENAI_BASE_URL to use a language model that can",
        )),
        Purpose::Support => {
            if let Some(ChatMessage::ToolResult { result, .. }) = request.messages.last() {
                return Ok(said(if result == NOTHING_FOUND { not_found(prompt) } else { result.clone() }));
            }
            let (name, arguments) = match reply(prompt) {
                Reply::Text(text) => return Ok(said(text.to_owned())),
                Reply::Escalate => (ESCALATE, json!({})),
                Reply::Resolve => (RESOLVE, json!({})),
                Reply::Search => (SEARCH, json!({ "query": prompt })),
            };
            let call = ToolCall {
                id: format!("call_{:016x}", u64::from_le_bytes(random_bytes())),
                name: name.to_owned(),
                arguments: arguments.to_string(),
            };
            Ok(Completion { calls: vec![call], finish_reason: "tool-calls", ..Completion::default() })
        }
    }
}

/// What to do about a visitor's message.
fn reply(prompt: &str) -> Reply {
    let lower = prompt.to_lowercase();
    let words: Vec<&str> =
        lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let text = format!(" {} ", words.join(" "));
    let has_word = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let has_phrase = |list: &[&str]| list.iter().any(|phrase| text.contains(&format!(" {phrase} ")));

    if has_word(&HUMAN_WORDS) || has_phrase(&HUMAN_PHRASES) {
        return Reply::Escalate;
    }
    let asks = prompt.contains('?');
    let thanks = has_word(&THANKS) && words.len() <= THANKS_WORDS_MAX && !has_word(&GOING_ON);
    if !asks && (has_phrase(&ENDINGS) || thanks) {
        return Reply::Resolve;
    }
    if words.is_empty() {
        return Reply::Text("I did not catch that. Could you put your question into words?");
    }
    if has_word(&GREETINGS) && words.len() <= GREETING_WORDS_MAX {
        return Reply::Text("Hello! What can I do for you?");
    }
    Reply::Search
}

fn not_found(prompt: &str) -> String {
    format!(
        "I understand your question is: \"{}\". I could not find an answer to it myself. Ask for a human and an \
         operator will take over, or tell me that's all if it is settled.",
        shortened(prompt, QUOTE_LENGTH_MAX)
    )
}

/// What the best passage says about a question, in its own words; [`NOTHING_FOUND`] if no passage shares a word with
/// it.
fn interpret(question: &str, passages: &[Passage]) -> String {
    let asked: Vec<String> = terms(question).collect();
    let shared = |text: &str| {
        let has: Vec<String> = terms(text).collect();
        asked.iter().filter(|term| has.contains(term)).count()
    };
    // The passages come by their closeness; of equal ones the first counts.
    let best = passages
        .iter()
        .map(|passage| (shared(&passage.text), passage))
        .filter(|(count, _)| *count > 0)
        .rev()
        .max_by_key(|(count, _)| *count);
    let Some((_, passage)) = best else { return NOTHING_FOUND.to_owned() };
    let sentences = sentences(&passage.text);
    let first = (0..sentences.len()).rev().max_by_key(|index| shared(sentences[*index])).unwrap_or_default();
    let mut quote = String::new();
    for sentence in &sentences[first..] {
        if !quote.is_empty() && quote.chars().count() + sentence.chars().count() > PASSAGE_LENGTH_MAX {
            break;
        }
        if !quote.is_empty() {
            quote.push(' ');
        }
        quote.push_str(sentence);
    }
    format!("This is what \"{}\" says: \"{}\"", passage.title, shortened(&quote, PASSAGE_LENGTH_MAX))
}

/// An operator's draft put more carefully: no stray white space, sentences that begin and end as such. The
/// words stay.
fn enhance(draft: &str) -> String {
    let mut out = draft.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(first) = out.chars().next() {
        let upper: String = first.to_uppercase().collect();
        out.replace_range(..first.len_utf8(), &upper);
    }
    if out.ends_with(|last: char| last.is_alphanumeric()) {
        out.push('.');
    }
    out
}

/// The beginning of a text, on one line.
fn shortened(text: &str, length_max: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= length_max {
        return text;
    }
    let mut start: String = text.chars().take(length_max - 1).collect();
    start.push('…');
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wish_for_a_person_escalates() {
        for prompt in [
            "I want to talk to a human",
            "HUMAN!!!",
            "can i speak to an agent, please?",
            "Let me talk to someone real",
            "Get me a real person. Thanks",
        ] {
            assert_eq!(reply(prompt), Reply::Escalate, "{prompt}");
        }
    }

    #[test]
    fn the_end_resolves() {
        for prompt in [
            "That's all",
            "that’s all, thank you!",
            "Thanks!",
            "thank you so much",
            "Nothing else, bye",
            "ok thx",
        ] {
            assert_eq!(reply(prompt), Reply::Resolve, "{prompt}");
        }
    }

    #[test]
    fn everything_else_gets_an_answer() {
        for prompt in ["", "   ?!", "hello"] {
            assert!(matches!(reply(prompt), Reply::Text(text) if !text.is_empty()), "{prompt}");
        }
        for prompt in [
            "Where is my humanity",
            "Thanks, but how do I reset it?",
            "Is that all?",
            "Please tell me how to reset the password of my second account, thanks",
        ] {
            assert_eq!(reply(prompt), Reply::Search, "{prompt}");
        }
        assert!(not_found("Where   is\nit?").contains("\"Where is it?\""));
    }

    #[test]
    fn long_questions_are_quoted_in_part() {
        let text = not_found(&"ä".repeat(5_000));
        assert!(text.contains(&format!("\"{}…\"", "ä".repeat(199))));
    }

    #[test]
    fn the_best_passage_is_quoted_from_where_it_answers() {
        let passage = |title: &str, text: &str| Passage { title: title.to_owned(), text: text.to_owned() };
        let passages = [
            passage("hours.md", "We are open from nine to five. Closed on Sundays."),
            passage("returns.pdf", "Welcome. Items can be returned within 30 days. The refund takes a week."),
        ];
        assert_eq!(
            interpret("Until when can I return an item?", &passages),
            "This is what \"returns.pdf\" says: \"Items can be returned within 30 days. The refund takes a week.\""
        );
        assert!(interpret("Are you open on Sundays?", &passages).contains("hours.md"));
        assert_eq!(interpret("Do you sell bicycles?", &passages), NOTHING_FOUND);
        assert_eq!(interpret("anything", &[]), NOTHING_FOUND);
        let long = [passage("a", &"word ".repeat(1_000))];
        assert!(interpret("word", &long).chars().count() < 450);
    }

    #[test]
    fn drafts_keep_their_words() {
        assert_eq!(enhance("  we will\n look into it "), "We will look into it.");
        assert_eq!(enhance("Done!"), "Done!");
        assert_eq!(enhance("ärger"), "Ärger.");
        assert_eq!(enhance("  "), "");
    }
}
