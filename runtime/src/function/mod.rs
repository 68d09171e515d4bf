//! Functions: what is registered, how a call runs, and what it gives.

pub mod call;
pub mod http_router;
pub mod log_line;
pub mod outcome;
pub mod path;
pub mod schedule;

pub use call::{Caller, FunctionCall, FunctionKind, Visibility};
pub use log_line::{LogLevel, LogLine};
pub use outcome::{Outcome, RequestId, Returned, UdfError};
pub use path::FunctionPath;
pub use schedule::{DayOfWeek, Schedule};
