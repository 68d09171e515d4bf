//! Fusion Chat's functions on the real runner and a database in memory: what every function gives and refuses.

mod assistant;
mod conversations;
mod demo;
mod harness;
mod knowledge;
mod messages;
mod organization;
mod rate_limits;
mod sessions;
mod stub;
mod surface;
