//! [`Randomness`]: all randomness of one execution, from one seed.
//!
//! The stream is SHA-256 over the seed and a counter: nobody can guess what a function will draw (it may hand out
//! tokens), and the same seed gives the same run.

use sha2::{Digest, Sha256};

use crate::clock::random_bytes;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Randomness {
    /// Drawn from the operating system on first use: most functions need none.
    seed: Option<[u8; 32]>,
    counter: u64,
    block: [u8; 32],
    /// Bytes of `block` not yet handed out.
    left: usize,
}

impl Randomness {
    /// The stream of a given seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { seed: Some(seed), ..Self::default() }
    }

    /// Fills `bytes` with the next bytes of the stream.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.left == 0 {
                let seed = self.seed.get_or_insert_with(random_bytes);
                let mut hasher = Sha256::new();
                hasher.update(seed.as_slice());
                hasher.update(self.counter.to_le_bytes());
                self.block = hasher.finalize().into();
                self.counter += 1;
                self.left = self.block.len();
            }
            *byte = self.block[self.block.len() - self.left];
            self.left -= 1;
        }
    }

    /// A number in [0, 1), like `Math.random()`.
    pub fn next_f64(&mut self) -> f64 {
        const BITS: u32 = 53;
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        (u64::from_le_bytes(bytes) >> (64 - BITS)) as f64 / (1u64 << BITS) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_stream() {
        let draw = |seed: u8| {
            let mut random = Randomness::from_seed([seed; 32]);
            let mut bytes = [0; 5];
            random.fill(&mut bytes);
            (bytes, (0..100).map(|_| random.next_f64()).collect::<Vec<_>>())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(1).1.iter().all(|number| (0.0..1.0).contains(number)));
    }

    #[test]
    fn unseeded_streams_differ() {
        assert_ne!(Randomness::default().next_f64(), Randomness::default().next_f64());
    }
}
