//! Crons.
