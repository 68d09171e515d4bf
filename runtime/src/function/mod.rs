//! Functions: what is registered, how a call runs, and what it gives.

pub mod log_line;
pub mod outcome;
pub mod path;

pub use log_line::{LogLevel, LogLine};
pub use outcome::{Outcome, RequestId, Returned, UdfError};
pub use path::FunctionPath;
