//! Errors as Fusion Chat's clients know them: data with a code and a message.

use fusion_runtime::Error;
use fusion_schema::{Value, object};

fn coded(code: &str, message: &str) -> Error {
    Error::application(object! { "code" => code, "message" => message })
}

/// The message of an error as clients know it; `None` for any other error.
pub(crate) fn message_of(error: &Error) -> Option<&str> {
    error.data().and_then(Value::as_object)?.get("message")?.as_str()
}

/// The caller is nobody, or not the one who may.
pub(crate) fn unauthorized(message: &str) -> Error {
    coded("UNAUTHORIZED", message)
}

/// What was asked for is not there.
pub(crate) fn not_found(message: &str) -> Error {
    coded("NOT_FOUND", message)
}

/// What was sent cannot be used.
pub(crate) fn bad_request(message: &str) -> Error {
    coded("BAD_REQUEST", message)
}

/// The caller is too fast.
pub(crate) fn rate_limited(seconds: f64) -> Error {
    coded("RATE_LIMIT_EXCEEDED", &format!("Rate limit exceeded. Try again in {seconds} seconds."))
}

/// A service outside did not do what was asked of it.
pub(crate) fn service_failed(message: &str) -> Error {
    coded("SERVICE_FAILED", message)
}

/// The organisation would have to pay for this.
pub(crate) fn subscription_required() -> Error {
    coded("SUBSCRIPTION_REQUIRED", "No subscription found for this organization")
}

/// The organisation does not pay any more.
pub(crate) fn subscription_inactive(status: &str) -> Error {
    coded("SUBSCRIPTION_INACTIVE", &format!("Subscription is {status}"))
}

/// Arguments that are none of the forms a function takes.
pub(crate) fn wrong_arguments(message: &str) -> Error {
    Error::bad_request("ArgumentValidationError", format!("ArgumentValidationError: {message}"))
}
