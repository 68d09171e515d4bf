//! HTTP: every route in one table, and what clients are answered.
//!
//! [`router`] lists the routes, one file per group answers them, and [`errors`] alone turns errors into statuses.
//! Nothing here runs functions or knows the protocol of sockets: that is the runner's and the session's.

pub mod errors;
pub mod range;
pub mod udf_response;
