//! Seeded randomness: the same seed gives the same run on any machine.

/// A small, fast generator (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator of one seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed from the operating system. Callers print it, so that a failure can be repeated.
    pub fn fresh_seed() -> u64 {
        u64::from_le_bytes(fusion_runtime::clock::random_bytes())
    }

    /// The seed of a test run: `FUSION_SEED` if it is set, to repeat a failure, else a fresh one. Callers print it.
    #[expect(clippy::disallowed_methods, reason = "a test is repeated by a variable of its environment")]
    pub fn test_seed() -> u64 {
        std::env::var("FUSION_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(Self::fresh_seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; `bound` is at least 1.
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.bits() as u128 * bound as u128) >> 64) as u64
    }

    /// A number in `0.0..1.0`.
    pub const fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether an event of this probability happens.
    pub const fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A random UUID, as session ids are.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.bits(), self.bits());
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
        format!("{a:08x}-{b:04x}-4{c:03x}-{:04x}-{:012x}", 0x8000 | (low >> 50), low & 0xffff_ffff_ffff)
    }
}

/// Ranks `0..n` drawn with probability proportional to `1 / (rank + 1)^alpha`: the cumulative distribution and a
/// binary search. `alpha` 0 is uniform.
#[derive(Debug)]
pub struct Zipf(Vec<f64>);

impl Zipf {
    /// The distribution over `n` ranks.
    pub fn new(n: usize, alpha: f64) -> Self {
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (1..=n)
            .map(|rank| {
                sum += (rank as f64).powf(-alpha);
                sum
            })
            .collect();
        for value in &mut cumulative {
            *value /= sum;
        }
        Self(cumulative)
    }

    /// One rank.
    pub fn draw(&self, random: &mut Random) -> usize {
        let point = random.unit();
        self.0.partition_point(|&cumulative| cumulative <= point).min(self.0.len() - 1)
    }

    /// Two ranks for one transfer; the second is drawn again, up to 32 times, until it differs.
    pub fn draw_pair(&self, random: &mut Random) -> (usize, usize) {
        let from = self.draw(random);
        let to = (0..=32).map(|_| self.draw(random)).find(|&to| to != from);
        (from, to.unwrap_or_else(|| (from + 1) % self.0.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skewed_draws_hit_the_first_rank_as_often_as_the_workload_says() {
        let zipf = Zipf::new(100_000, 1.5);
        let mut random = Random::new(42);
        let touching = (0..100_000).map(|_| zipf.draw_pair(&mut random)).filter(|&(a, b)| a == 0 || b == 0);
        let share = touching.count() as f64 / 100_000.0;
        assert!((0.60..0.66).contains(&share), "{share} of the transfers touch account 0");
    }

    #[test]
    fn uuids_have_the_version_and_variant_bits() {
        let uuid = Random::new(7).uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
