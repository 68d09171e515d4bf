//! Functions: what is registered, how a call runs, and what it gives.
//!
//! - [`Application`] and [`Module`] build a [`FunctionRegistry`] out of plain Rust functions;
//! - [`context`] has what handlers are given: [`QueryCtx`], [`MutationCtx`], [`ActionCtx`];
//! - [`live`] runs queries again when a commit changes what they read, and tells sessions;
//! - [`FunctionRunner`] runs a [`FunctionCall`] and gives an [`Outcome`]; everybody calls functions through it.
//!
//! Deliberately absent: sockets and HTTP APIs (`server`, `session`), when jobs run (`scheduler`), and JavaScript,
//! whose functions are registered like any others.

pub mod actions;
pub mod alarm;
pub mod api_spec;
pub mod app_counters;
pub mod application;
mod audit;
pub mod call;
pub mod commit_gate;
pub mod context;
mod dashboard;
pub mod deployment;
pub mod execution;
pub mod execution_log;
pub mod http;
pub mod http_router;
pub mod live;
pub mod log_line;
pub mod metrics;
pub mod mutations;
pub mod origin;
pub mod outcome;
pub mod path;
pub mod pausing;
pub mod pool;
pub mod randomness;
pub mod registry;
pub mod runner;
pub mod series;
mod system_functions;
mod variables;

pub use crate::system::schedule::{DayOfWeek, Schedule};
pub use actions::HttpOutcome;
pub use app_counters::AppCounter;
pub use application::{Application, Module, Routes};
pub use call::{Caller, FunctionCall, FunctionKind, Visibility};
pub use commit_gate::CommitGate;
pub use context::{ActionCtx, MutationCtx, QueryCtx, Reader, SearchFilter, TypedQuery, Writer};
pub use deployment::Deployment;
pub use execution::{IdentityAccess, Observed};
pub use log_line::{LogLevel, LogLine};
pub use mutations::SessionRequest;
pub use origin::Origin;
pub use outcome::{Outcome, RequestId, Returned, UdfError};
pub use path::FunctionPath;
pub use registry::{Access, FunctionRegistry};
pub use runner::{FunctionRunner, QueryRun};

#[cfg(test)]
mod component_tests;
#[cfg(test)]
mod system_functions_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
