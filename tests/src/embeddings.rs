//! Vectors like those of an embedding model, the same for the same number in every process: of some topics, each near
//! the middle of its topic.

use crate::random::Random;

/// Topics that vectors belong to.
const TOPICS: u64 = 2_000;
/// How far from the middle of its topic a vector is, per number.
const SPREAD: f64 = 0.8;

/// A number that is nearly normally distributed, with a deviation of 1.
fn normal(random: &mut Random) -> f64 {
    // The sum of twelve even ones (Irwin-Hall) is near enough.
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

/// Vector number `number`, with `f32` precision as models give it.
pub fn embedding(number: u64, dimensions: usize) -> Vec<f64> {
    let mut topic = Random::new(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % TOPICS + 1);
    let mut own = Random::new(number.wrapping_add(1 << 32));
    let vector: Vec<f64> = (0..dimensions).map(|_| normal(&mut topic) + SPREAD * normal(&mut own)).collect();
    let length = vector.iter().map(|number| number * number).sum::<f64>().sqrt();
    vector.into_iter().map(|number| f64::from((number / length) as f32)).collect()
}
