//! Cutting a text into passages that can stand alone: at headings and between paragraphs where that is possible, else
//! between lines, sentences, words.

/// A passage is ended at the next paragraph once it is this long, in characters.
const LENGTH_WANTED: usize = 700;
/// The longest passage, in characters.
const LENGTH_MAX: usize = 1_000;
/// Passages shorter than this are joined to the next one even across a heading, in characters.
const LENGTH_MIN: usize = 100;

/// The passages of a text, in order. None is empty.
pub(crate) fn chunks(text: &str) -> Vec<String> {
    let mut chunks = Vec::new();
    let mut chunk = Chunk::default();
    for paragraph in paragraphs(text) {
        let heading = paragraph.starts_with('#');
        if (heading && chunk.length >= LENGTH_MIN) || chunk.length >= LENGTH_WANTED {
            chunk.end(&mut chunks);
        }
        let length = paragraph.chars().count();
        if chunk.length + length <= LENGTH_MAX {
            chunk.add(&paragraph, "\n\n");
            continue;
        }
        if length <= LENGTH_MAX {
            chunk.end(&mut chunks);
            chunk.add(&paragraph, "\n\n");
            continue;
        }
        for piece in pieces(&paragraph) {
            if chunk.length + piece.chars().count() > LENGTH_MAX {
                chunk.end(&mut chunks);
            }
            chunk.add(&piece, " ");
        }
    }
    chunk.end(&mut chunks);
    chunks
}

#[derive(Default)]
struct Chunk {
    text: String,
    /// In characters.
    length: usize,
}

impl Chunk {
    fn add(&mut self, text: &str, separator: &str) {
        if self.length > 0 {
            self.text.push_str(separator);
            self.length += separator.len();
        }
        self.text.push_str(text);
        self.length += text.chars().count();
    }

    fn end(&mut self, chunks: &mut Vec<String>) {
        if self.length > 0 {
            chunks.push(std::mem::take(&mut self.text));
        }
        self.length = 0;
    }
}

/// What stands between empty lines, without white space around it.
fn paragraphs(text: &str) -> impl Iterator<Item = String> {
    let mut lines = text.lines().map(str::trim_end);
    std::iter::from_fn(move || {
        let mut paragraph = String::new();
        for line in lines.by_ref() {
            if !line.trim().is_empty() {
                if !paragraph.is_empty() {
                    paragraph.push('\n');
                }
                paragraph.push_str(line);
            } else if !paragraph.is_empty() {
                break;
            }
        }
        Some(paragraph).filter(|paragraph| !paragraph.is_empty())
    })
}

/// A long paragraph in sentences, or where they are too long, in words, or where those are, in pieces of words.
fn pieces(paragraph: &str) -> Vec<String> {
    let mut found = Vec::new();
    for sentence in crate::services::sentences(paragraph) {
        if sentence.chars().count() <= LENGTH_MAX {
            found.push(sentence.to_owned());
            continue;
        }
        for word in sentence.split_whitespace() {
            let letters: Vec<char> = word.chars().collect();
            found.extend(letters.chunks(LENGTH_MAX).map(|piece| piece.iter().collect()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_stay_whole() {
        assert_eq!(chunks("# Title\r\n\r\nOne.\n  \nTwo."), ["# Title\n\nOne.\n\nTwo."]);
        assert!(chunks(" \n\n ").is_empty());
    }

    #[test]
    fn long_texts_are_cut_where_a_new_part_begins() {
        let part = |name: &str| format!("## {name}\n\n{}", "Some words here. ".repeat(20));
        let text = format!("{}\n\n{}\n\n{}", part("One"), part("Two"), part("Three"));
        let found = chunks(&text);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[1].starts_with("## Two") && found[2].starts_with("## Three"));
    }

    #[test]
    fn nothing_is_lost_and_nothing_is_too_long() {
        for text in
            ["word ".repeat(3_000), "ä".repeat(2_500), "A sentence. ".repeat(500), "line\n".repeat(900)]
        {
            let found = chunks(&text);
            assert!(found.len() > 1);
            assert!(found.iter().all(|chunk| !chunk.is_empty() && chunk.chars().count() <= LENGTH_MAX + 2));
            let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).count();
            assert_eq!(found.iter().map(|chunk| letters(chunk)).sum::<usize>(), letters(&text));
        }
    }
}
