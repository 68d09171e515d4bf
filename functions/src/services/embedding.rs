//! [`Embedder`]: texts as vectors, so that texts about the same thing are found by each other.

use std::fmt;

use super::chat::Answer;
use super::lexical;

/// How many numbers the vectors of the knowledge base have. Shorter ones are filled up with zeros, which changes no
/// angle between them; 1,536 is what OpenAI's small model gives.
pub const VECTOR_LENGTH: usize = 1536;
/// Most texts that are embedded with one call.
pub const BATCH: usize = 100;

/// Turns texts into vectors.
pub trait Embedder: Send + Sync + fmt::Debug {
    /// The model's name. Vectors of different models cannot be compared.
    fn model(&self) -> String;

    /// The vectors of at most [`BATCH`] texts, in their order; each has at most [`VECTOR_LENGTH`] numbers.
    fn embed<'a>(&'a self, texts: &'a [String]) -> Answer<'a, Vec<Vec<f64>>>;
}

/// The model that is built in: vectors of the words themselves. It finds what shares words, not what shares meaning.
#[derive(Clone, Copy, Debug, Default)]
pub struct LexicalEmbedder;

impl Embedder for LexicalEmbedder {
    fn model(&self) -> String {
        "lexical".to_owned()
    }

    fn embed<'a>(&'a self, texts: &'a [String]) -> Answer<'a, Vec<Vec<f64>>> {
        let vectors = texts.iter().map(|text| lexical::vector(text, VECTOR_LENGTH)).collect();
        Box::pin(std::future::ready(Ok(vectors)))
    }
}

/// The vector as it is stored: of [`VECTOR_LENGTH`] numbers, of length 1, with the seven digits that matter.
pub fn stored(mut vector: Vec<f64>) -> Vec<f64> {
    vector.resize(VECTOR_LENGTH, 0.0);
    let length = vector.iter().map(|number| number * number).sum::<f64>().sqrt();
    for number in &mut vector {
        let unit = if length > 0.0 { *number / length } else { 0.0 };
        *number = (unit * 1e7).round() / 1e7;
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_vectors_have_one_length() {
        let vector = stored(vec![3.0, 4.0]);
        assert_eq!((vector.len(), vector[0], vector[1]), (VECTOR_LENGTH, 0.6, 0.8));
        assert!(stored(Vec::new()).iter().all(|number| *number == 0.0));
    }
}
