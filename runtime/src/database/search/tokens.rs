//! From a text to its terms.
//!
//! A term is a run of letters and digits (of any script), in lower case; everything between is left out. Runs of more
//! than 32 characters are no words that anybody types (keys, hashes, encoded data) and are not indexed. There is no
//! stemming and no list of stop words: the original has neither.

/// The longest term, in characters; longer ones are left out (C§7.7).
const TERM_LENGTH_MAX: usize = 32;

/// Calls `found` with each term of a text, in order.
pub(super) fn each_term(text: &str, mut found: impl FnMut(&str)) {
    let mut lower = String::new();
    for word in text.split(|character: char| !character.is_alphanumeric()) {
        // Bytes are never fewer than characters.
        if word.is_empty() || (word.len() > TERM_LENGTH_MAX && word.chars().count() > TERM_LENGTH_MAX) {
            continue;
        }
        if word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            found(word);
            continue;
        }
        lower.clear();
        lower.extend(word.chars().flat_map(char::to_lowercase));
        found(&lower);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<String> {
        let mut terms = Vec::new();
        each_term(text, |term| terms.push(term.to_owned()));
        terms
    }

    #[test]
    fn words_are_split_lowered_and_bounded() {
        assert_eq!(terms("Hello, World! it's 2026."), ["hello", "world", "it", "s", "2026"]);
        assert_eq!(terms("Straße ÉCOLE, Привет-мир 東京"), ["straße", "école", "привет", "мир", "東京"]);
        assert_eq!(terms(&format!("{} {}", "a".repeat(32), "b".repeat(33))), ["a".repeat(32)]);
        assert_eq!(terms(&"ж".repeat(32)), ["ж".repeat(32)]);
        assert!(terms("  --- \n").is_empty());
    }
}
