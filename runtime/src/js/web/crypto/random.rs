//! [`SystemRandom`]: the operating system's randomness, for actions alone.

use ::rsa::rand_core::{CryptoRng, Error, RngCore};

use crate::clock;
use crate::js::op::OpError;
use crate::js::state::OpState;

/// Real randomness for keys, salts and blinding.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemRandom;

impl RngCore for SystemRandom {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(clock::random_bytes())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(clock::random_bytes())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        clock::fill_random(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        clock::fill_random(bytes);
        Ok(())
    }
}

impl CryptoRng for SystemRandom {}

/// Refuses an operation whose result depends on real randomness where a call must be repeatable.
pub(super) fn require_randomness(state: &OpState) -> Result<(), OpError> {
    match state.phase {
        phase if phase.is_action() => Ok(()),
        phase => Err(crate::js::web::refused(phase, "cryptographic randomness")),
    }
}
