//! The answer of the HTTP API to a function call: status 200 whether the function succeeded or failed.

use fusion_schema::json::{Format, encode_string, encode_to};

use crate::error::{Error, Result};
use crate::function::Outcome;
use crate::session::ClientVersion;

/// The form of results for a request: what it asks for, else what its client expects.
///
/// # Errors
/// `BadFormat`.
pub fn parse_format(format: Option<&str>, client: Option<&ClientVersion>) -> Result<Format> {
    let format = match format {
        None if client.is_some_and(ClientVersion::expects_encoded_json) => Format::Encoded,
        None => Format::Clean,
        Some(name) => Format::parse(name).ok_or_else(|| {
            Error::bad_request(
                "BadFormat",
                format!("'{name}' is not a format of results. Use 'json' or 'convex_encoded_json'."),
            )
        })?,
    };
    let needs_dots = format == Format::Encoded && client.is_some_and(ClientVersion::needs_dots);
    Ok(if needs_dots { Format::EncodedWithDots } else { format })
}

/// Appends the answer for `outcome`. With `redact`, neither log lines nor details of errors are shown.
pub fn write(outcome: &Outcome, format: Format, redact: bool, out: &mut String) {
    match &outcome.result {
        Ok(returned) => {
            out.push_str("{\"status\":\"success\",\"value\":");
            let json: &str = returned.json();
            // The forms differ only where a value has no plain JSON, and those all begin like this.
            if format == Format::Encoded || (format == Format::Clean && !json.contains("{\"$")) {
                out.push_str(json);
            } else {
                encode_to(&returned.to_value(), format, out);
            }
        }
        Err(error) => {
            out.push_str("{\"status\":\"error\",\"errorMessage\":");
            encode_string(error.text(redact), out);
            if let Some(data) = &error.data {
                out.push_str(",\"errorData\":");
                encode_to(data, format, out);
            }
        }
    }
    if !redact && !outcome.log_lines.is_empty() {
        out.push_str(",\"logLines\":[");
        for (index, line) in outcome.log_lines.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            encode_string(&line.to_string(), out);
        }
        out.push(']');
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use fusion_schema::{Value, object};

    use super::*;
    use crate::function::log_line::LogLines;
    use crate::function::{LogLevel, RequestId, Returned};

    fn success(value: impl Into<Value>) -> Outcome {
        let result = Ok(Returned::from_value(&value.into()));
        Outcome { result, log_lines: Vec::new(), journal: None, ts: 0 }
    }

    fn text(outcome: &Outcome, format: Format, redact: bool) -> String {
        let mut out = String::new();
        write(outcome, format, redact, &mut out);
        out
    }

    #[test]
    fn values_in_every_form() {
        let outcome = success(object! { "n" => 1.0, "big" => 7_i64 });
        assert_eq!(
            text(&outcome, Format::Encoded, false),
            r#"{"status":"success","value":{"big":{"$integer":"BwAAAAAAAAA="},"n":1}}"#
        );
        assert_eq!(text(&outcome, Format::Clean, false), r#"{"status":"success","value":{"big":"7","n":1}}"#);
        assert_eq!(
            text(&outcome, Format::Export, false),
            r#"{"status":"success","value":{"big":7,"n":1.0}}"#
        );
        assert_eq!(text(&success(()), Format::Clean, false), r#"{"status":"success","value":null}"#);
        // Text that looks like the beginning of a special form stays what it is.
        assert_eq!(text(&success("{\"$x"), Format::Clean, false), r#"{"status":"success","value":"{\"$x"}"#);
    }

    #[test]
    fn errors_carry_their_data_and_what_was_printed() {
        let error = Error::application(object! { "code" => 7_i64 });
        let mut outcome = Outcome::failed(&error, RequestId::from_number(1));
        let mut lines = LogLines::default();
        lines.push(LogLevel::Log, vec!["'hi'".to_owned()], 0.0);
        outcome.log_lines = lines.into_lines();
        assert_eq!(
            text(&outcome, Format::Clean, false),
            concat!(
                r#"{"status":"error","errorMessage":"[Request ID: 0000000000000001] Server Error\n"#,
                r#"Uncaught ConvexError: {\"code\":\"7n\"}","errorData":{"code":"7"},"logLines":["[LOG] 'hi'"]}"#
            )
        );
        assert_eq!(
            text(&outcome, Format::Encoded, true),
            concat!(
                r#"{"status":"error","errorMessage":"[Request ID: 0000000000000001] Server Error","#,
                r#""errorData":{"code":{"$integer":"BwAAAAAAAAA="}}}"#
            )
        );
    }

    #[test]
    fn the_form_follows_the_request_then_the_client() {
        let old = ClientVersion::parse("npm-1.4.0").expect("a version");
        assert_eq!(parse_format(None, None).ok(), Some(Format::Clean));
        assert_eq!(parse_format(None, Some(&old)).ok(), Some(Format::Encoded));
        assert_eq!(parse_format(Some("json"), Some(&old)).ok(), Some(Format::Clean));
        let python = ClientVersion::parse("python-0.8.1").unwrap();
        assert_eq!(
            parse_format(Some("convex_encoded_json"), Some(&python)).ok(),
            Some(Format::EncodedWithDots)
        );
        assert_eq!(parse_format(Some("xml"), None).expect_err("unknown").code(), "BadFormat");
    }
}
