//! Tokens against real issuers: a stub on the loopback device with keys of all three kinds.

mod stub;
mod tokens;
