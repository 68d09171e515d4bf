//! Fusion Chat's functions on the real runner and a database in memory: what every function gives and refuses.

mod assistant;
mod clerk;
mod conversations;
mod demo;
mod harness;
mod isolation;
mod knowledge;
mod messages;
mod organization;
mod privacy;
mod rate_limits;
mod secrets;
mod sessions;
mod stub;
mod surface;
mod voice;
