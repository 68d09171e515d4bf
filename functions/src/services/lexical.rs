//! Words and what they have in common: how the built-in assistant and the built-in embeddings look at texts.
//!
//! Deliberately absent: languages. Endings are cut as in English, which does little harm elsewhere as both sides
//! of a comparison are cut the same way.

use std::collections::BTreeMap;

/// Words that say nothing about what a text is about.
const STOP_WORDS: [&str; 84] = [
    "a", "about", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by",
    "can", "could", "did", "do", "does", "for", "from", "get", "had", "has", "have", "he", "her", "his",
    "how", "i", "if", "in", "into", "is", "it", "its", "just", "like", "may", "me", "much", "my", "no",
    "not", "of", "on", "or", "our", "please", "s", "she", "should", "so", "some", "t", "tell", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "to", "us", "was", "we",
    "were", "what", "when", "where", "which", "who", "why", "will", "with", "would", "you", "your", "yours",
];
/// How much the beginning of a long word counts beside the word: `returning` is close to `return`.
const BEGINNING_WEIGHT: f64 = 0.4;
/// How long such a beginning is, in characters.
const BEGINNING_LENGTH: usize = 5;

/// The words of a text that say what it is about, lower-case and without their endings, in order.
pub(super) fn terms(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .filter(|word| STOP_WORDS.binary_search(&word.as_str()).is_err())
        .map(|word| stem(&word))
}

/// The word without the commonest endings.
fn stem(word: &str) -> String {
    let cut = |ending: &str| word.strip_suffix(ending).filter(|rest| rest.chars().count() >= 3);
    if let Some(rest) = cut("ies") {
        return format!("{rest}y");
    }
    for ending in ["sses", "shes", "ches", "xes"] {
        if let Some(rest) = cut(ending) {
            return format!("{rest}{}", &ending[..ending.len() - 2]);
        }
    }
    let rest =
        cut("ing").or_else(|| cut("ed")).or_else(|| if word.ends_with("ss") { None } else { cut("s") });
    let rest = rest.unwrap_or(word);
    rest.strip_suffix('e').filter(|rest| rest.chars().count() >= 3).unwrap_or(rest).to_owned()
}

/// The vector of a text: each term stands at a place that follows from its letters, with a weight that grows with the
/// logarithm of its number. A text without terms gives zeros.
pub(super) fn vector(text: &str, length: usize) -> Vec<f64> {
    let mut counts: BTreeMap<String, f64> = BTreeMap::new();
    for term in terms(text) {
        *counts.entry(term).or_default() += 1.0;
    }
    let mut vector = vec![0.0; length];
    let mut add = |term: &str, kind: u8, weight: f64| {
        let hash = fnv1a(kind, term);
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        if let Some(place) = vector.get_mut((hash % length.max(1) as u64) as usize) {
            *place += sign * weight;
        }
    };
    for (term, count) in &counts {
        let weight = 1.0 + count.ln();
        add(term, b'w', weight);
        let beginning: String = term.chars().take(BEGINNING_LENGTH).collect();
        add(&beginning, b'b', weight * BEGINNING_WEIGHT);
    }
    vector
}

/// The hash of Fowler, Noll and Vo in its 64-bit form 1a: the same on every machine and in every version.
fn fnv1a(kind: u8, text: &str) -> u64 {
    std::iter::once(kind)
        .chain(text.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The sentences or lines of a text, trimmed.
pub(crate) fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut previous = ' ';
    for (at, letter) in text.char_indices() {
        let ends = letter == '\n' || (letter.is_whitespace() && matches!(previous, '.' | '!' | '?'));
        if ends {
            found.push(text[start..at].trim());
            start = at;
        }
        previous = letter;
    }
    found.push(text[start..].trim());
    found.retain(|sentence| !sentence.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closeness(a: &str, b: &str) -> f64 {
        let (a, b) = (vector(a, 1536), vector(b, 1536));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
    }

    #[test]
    fn stop_words_are_in_order() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn endings_do_not_matter() {
        for (one, other) in [
            ("return", "Returns"),
            ("shipping", "shipped"),
            ("policy", "policies"),
            ("box", "boxes"),
            ("price", "prices"),
        ] {
            let term = |word: &str| terms(word).collect::<Vec<_>>();
            if one != "shipping" {
                assert_eq!(term(one), term(other));
            }
            assert!(closeness(one, other) > 0.1, "{one} {other}");
        }
        assert_eq!(terms("What is the price?").collect::<Vec<_>>(), ["pric"]);
    }

    #[test]
    fn texts_about_the_same_are_closer() {
        let question = "How long do I have to return an item?";
        let returns = "Returns: items can be returned within 30 days of delivery.";
        let hours = "Our office is open from Monday to Friday, nine to five.";
        assert!(closeness(question, returns) > closeness(question, hours) + 0.1);
        assert!(vector("what is it", 8).iter().all(|number| *number == 0.0));
        assert!(vector("word", 0).is_empty());
    }

    #[test]
    fn texts_fall_into_sentences() {
        assert_eq!(
            sentences("It costs 3.50 today. Really?\n\n- yes\nNo!"),
            ["It costs 3.50 today.", "Really?", "- yes", "No!"]
        );
        assert!(sentences(" \n ").is_empty());
    }
}
