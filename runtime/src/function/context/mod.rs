//! What handlers are given: [`QueryCtx`], [`MutationCtx`] and [`ActionCtx`].
//!
//! A query's context reads, a mutation's also writes, an action's is outside of any transaction and calls both.

mod action;
mod mutation;
mod query;
mod reader;
mod scheduler;
mod storage;
mod typed_query;
mod writer;

pub use action::{ActionCore, ActionCtx, ActionScheduler, ActionStorage};
pub use mutation::MutationCtx;
pub use query::QueryCtx;
pub use reader::Reader;
pub(crate) use reader::check_table_name;
pub use scheduler::SchedulerCtx;
pub use storage::{FileReader, FileWriter};
pub use typed_query::{DocumentStream, SearchFilter, TypedQuery};
pub(crate) use typed_query::{page_request, page_value};
pub use writer::Writer;

use fusion_schema::{Object, Typed, Value};

use crate::{Error, Result};

/// The arguments of a call as the object they travel as; `()` is an empty one.
pub(crate) fn encode_args(args: impl Typed) -> Result<Object> {
    match args.encode() {
        Value::Object(object) => Ok(object),
        Value::Null => Ok(Object::new()),
        other => Err(Error::bad_request(
            "InvalidArguments",
            format!(
                "The arguments of a function must be an object, not a value of type {}.",
                other.type_name()
            ),
        )),
    }
}

/// A result as the type its caller expects.
pub(crate) fn decode_result<R: Typed>(value: Value) -> Result<R> {
    R::decode(value).map_err(|error| {
        Error::function(format!("The called function returned something unexpected. {error}"))
    })
}
