//! Vectors as an index keeps them: unit vectors of `f32`, and codes of one byte per number to find candidates by.
//!
//! Before coding, a vector is turned by a fixed orthogonal transform (signs and fast Walsh-Hadamard transforms, as in
//! Ailon and Chazelle, "Approximate nearest neighbors and the fast Johnson-Lindenstrauss transform", 2006). Turning
//! changes no product of two vectors, but spreads each over all numbers: vectors whose weight is in a few numbers, as
//! embedding models like to make them, are coded as exactly as any other, and errors are as good as random.

use simsimd::SpatialSimilarity;

/// The largest code; -128 is not used, so that codes are symmetric.
const CODE_MAX: f32 = 127.0;
/// How many standard deviations of the coding error a candidate is allowed.
const DEVIATIONS: f32 = 6.0;

/// What a vector's codes stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Coding {
    /// What a code of one stands for.
    pub(super) scale: f32,
    /// The length of the difference between the vector and what its codes stand for.
    pub(super) error: f32,
}

/// The unit vector of the same direction; zeros for a vector of zeros. `None` if a number is not finite.
pub(super) fn unit(vector: &[f64]) -> Option<Vec<f32>> {
    let largest = vector.iter().fold(0.0_f64, |largest, number| largest.max(number.abs()));
    if !vector.iter().all(|number| number.is_finite()) {
        return None;
    }
    if largest == 0.0 {
        return Some(vec![0.0; vector.len()]);
    }
    // Dividing first keeps squares in range.
    let squares: f64 = vector.iter().map(|number| (number / largest) * (number / largest)).sum();
    let length = squares.sqrt();
    Some(vector.iter().map(|number| (number / largest / length) as f32).collect())
}

/// The product of two unit vectors, their cosine: exact but for the rounding to `f32`.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    // Several sums at once: the processor adds them in parallel.
    let mut sums = [0.0_f64; 8];
    let (a_parts, b_parts) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 =
        a_parts.remainder().iter().zip(b_parts.remainder()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    for (a, b) in a_parts.zip(b_parts) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f64::from(*a) * f64::from(*b);
        }
    }
    (sums.iter().sum::<f64>() + rest).clamp(-1.0, 1.0)
}

/// The product of two vectors' codes.
pub(super) fn code_product(a: &[i8], b: &[i8]) -> f32 {
    // Both have the index's dimensions. The product of codes is a whole number below 2^26.
    i8::dot(a, b).unwrap_or(0.0) as f32
}

/// Appends the codes of a unit vector.
pub(super) fn encode(vector: &[f32], codes: &mut Vec<i8>) -> Coding {
    let turned = turn(vector);
    let largest = turned.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
    if largest == 0.0 {
        codes.resize(codes.len() + vector.len(), 0);
        return Coding::default();
    }
    let scale = largest / CODE_MAX;
    let mut squares = 0.0_f64;
    codes.extend(turned.iter().map(|number| {
        let code = (number / scale).round();
        let error = f64::from(number - code * scale);
        squares += error * error;
        code as i8
    }));
    Coding { scale, error: squares.sqrt() as f32 }
}

/// By how much the cosine of two unit vectors may differ from what their codes say, for all that matters: the errors of
/// turned vectors are as good as random, and in few dimensions the bound that always holds is the smaller one.
pub(super) fn margin(dimensions: usize, a: f32, b: f32) -> f32 {
    let always = a + b + a * b;
    let likely = DEVIATIONS * (a * a + b * b).sqrt() / (dimensions as f32).sqrt();
    always.min(likely)
}

/// Turns a vector; see the module's documentation.
fn turn(vector: &[f32]) -> Vec<f32> {
    let mut turned = vector.to_vec();
    let width = 1_usize << turned.len().max(1).ilog2();
    let tail = turned.len() - width;
    // The transform takes a power of two; the front and the tail of the vector overlap, so that all numbers mix.
    for (round, start) in [0, tail, 0, tail].into_iter().enumerate() {
        let part = &mut turned[start..start + width];
        for (position, number) in part.iter_mut().enumerate() {
            if is_flipped(round, position) {
                *number = -*number;
            }
        }
        hadamard(part);
    }
    turned
}

/// Signs that look random and never change: codes with other signs are in files.
const fn is_flipped(round: usize, position: usize) -> bool {
    // The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
    let mut bits = ((position as u64) << 2 | round as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (bits ^ (bits >> 31)) & 1 == 1
}

/// The orthonormal Walsh-Hadamard transform of 2^n numbers, in place.
fn hadamard(numbers: &mut [f32]) {
    let mut half = 1;
    while half < numbers.len() {
        for block in numbers.chunks_exact_mut(2 * half) {
            let (left, right) = block.split_at_mut(half);
            for (left, right) in left.iter_mut().zip(right) {
                (*left, *right) = (*left + *right, *left - *right);
            }
        }
        half *= 2;
    }
    let scale = 1.0 / (numbers.len() as f32).sqrt();
    numbers.iter_mut().for_each(|number| *number *= scale);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vectors(dimensions: std::ops::Range<usize>) -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        dimensions.prop_flat_map(|length| {
            // Mostly small numbers with a few large ones among them.
            let number = prop_oneof![9 => -0.01..0.01_f64, 1 => -10.0..10.0_f64];
            let vector = || prop::collection::vec(number.clone(), length);
            (vector(), vector())
        })
    }

    proptest! {
        #[test]
        fn turning_changes_no_product((a, b) in vectors(2..70)) {
            let (a, b) = (unit(&a).unwrap(), unit(&b).unwrap());
            prop_assert!((cosine(&a, &b) - cosine(&turn(&a), &turn(&b))).abs() < 1e-5);
        }

        #[test]
        fn codes_tell_the_cosine_within_the_margin((a, b) in vectors(2..600)) {
            let (a, b) = (unit(&a).unwrap(), unit(&b).unwrap());
            let (mut a_codes, mut b_codes) = (Vec::new(), Vec::new());
            let (a_coding, b_coding) = (encode(&a, &mut a_codes), encode(&b, &mut b_codes));
            let told = code_product(&a_codes, &b_codes) * a_coding.scale * b_coding.scale;
            let margin = margin(a.len(), a_coding.error, b_coding.error) + 1e-5;
            prop_assert!((f64::from(told) - cosine(&a, &b)).abs() <= f64::from(margin), "{told} {}", cosine(&a, &b));
        }
    }

    #[test]
    fn numbers_of_any_size_have_a_direction() {
        assert_eq!(unit(&[0.0, -0.0]), Some(vec![0.0, 0.0]));
        assert_eq!(unit(&[3e300, 4e300]), Some(vec![0.6, 0.8]));
        assert_eq!(unit(&[-5e-320, 0.0]), Some(vec![-1.0, 0.0]));
        assert_eq!(unit(&[f64::NAN, 1.0]), None);
        assert_eq!(unit(&[1.0, f64::INFINITY]), None);
    }
}
