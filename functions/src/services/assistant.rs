//! [`ScriptedAssistant`]: answers by fixed rules, so that a deployment without a language model is of use.
//!
//! Equal prompts get equal answers. It recognises the wish for a human and the end of a conversation, which are
//! the two moments that change who has to act, and says so when it can do no more.

/// What the assistant does about a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It says this.
    Text(String),
    /// It hands over to an operator.
    Escalate,
    /// It closes the conversation.
    Resolve,
}

/// The assistant that is built in.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScriptedAssistant;

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

impl ScriptedAssistant {
    /// What to do about a visitor's message.
    pub fn reply(&self, prompt: &str) -> Reply {
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
            return Reply::Text("I did not catch that. Could you put your question into words?".to_owned());
        }
        if has_word(&GREETINGS) && words.len() <= GREETING_WORDS_MAX {
            return Reply::Text("Hello! What can I do for you?".to_owned());
        }
        Reply::Text(format!(
            "I understand your question is: \"{}\". I could not find an answer to it myself. Ask for a human and an \
             operator will take over, or tell me that's all if it is settled.",
            quote(prompt)
        ))
    }

    /// An operator's draft put more carefully: no stray white space, sentences that begin and end as such. The
    /// words stay.
    pub fn enhance(&self, draft: &str) -> String {
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
}

/// The beginning of a text, on one line.
fn quote(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= QUOTE_LENGTH_MAX {
        return text;
    }
    let mut start: String = text.chars().take(QUOTE_LENGTH_MAX - 1).collect();
    start.push('…');
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(prompt: &str) -> Reply {
        ScriptedAssistant.reply(prompt)
    }

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
        for prompt in [
            "",
            "   ?!",
            "hello",
            "Where is my humanity",
            "Thanks, but how do I reset it?",
            "Is that all?",
            "Please tell me how to reset the password of my second account, thanks",
        ] {
            assert!(matches!(reply(prompt), Reply::Text(text) if !text.is_empty()), "{prompt}");
        }
        assert_eq!(reply("Where is it?"), reply("Where is it?"));
        assert!(matches!(reply("Where   is\nit?"), Reply::Text(text) if text.contains("\"Where is it?\"")));
    }

    #[test]
    fn long_questions_are_quoted_in_part() {
        let Reply::Text(text) = reply(&"ä".repeat(5_000)) else { panic!("no text") };
        assert!(text.contains(&format!("\"{}…\"", "ä".repeat(199))));
    }

    #[test]
    fn drafts_keep_their_words() {
        assert_eq!(ScriptedAssistant.enhance("  we will\n look into it "), "We will look into it.");
        assert_eq!(ScriptedAssistant.enhance("Done!"), "Done!");
        assert_eq!(ScriptedAssistant.enhance("ärger"), "Ärger.");
        assert_eq!(ScriptedAssistant.enhance("  "), "");
    }
}
