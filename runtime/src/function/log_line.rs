//! [`LogLine`]: one line of a function's console output, and [`LogLines`], which collects them within limits.

use std::fmt;

use crate::limits::{LOG_LINE_LENGTH_MAX, LOG_LINES_MAX};

const TRUNCATED_NOTE: &str = " (truncated due to length)";

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// `console.debug`
    Debug,
    /// `console.log`
    Log,
    /// `console.info`
    Info,
    /// `console.warn`
    Warn,
    /// `console.error`
    Error,
}

impl LogLevel {
    /// The level as clients spell it, e.g. `LOG`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Log => "LOG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    /// Reads a level as clients spell it.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Debug, Self::Log, Self::Info, Self::Warn, Self::Error]
            .into_iter()
            .find(|level| level.name() == name)
    }
}

/// One line a function printed.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// How important it is.
    pub level: LogLevel,
    /// The printed arguments, each as `console` shows it (strings in quotes).
    pub messages: Vec<String>,
    /// When it was printed, in milliseconds since the epoch.
    pub timestamp: f64,
    /// Whether it was cut at [`LOG_LINE_LENGTH_MAX`].
    pub is_truncated: bool,
}

impl LogLine {
    /// The structured form that log streams carry.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "level": self.level.name(),
            "messages": self.messages,
            "timestamp": self.timestamp,
            "isTruncated": self.is_truncated,
        })
    }

    /// Reads [`LogLine::to_json`] back; `None` if it is something else.
    pub fn from_json(json: &serde_json::Value) -> Option<Self> {
        Some(Self {
            level: LogLevel::parse(json.get("level")?.as_str()?)?,
            messages: json
                .get("messages")?
                .as_array()?
                .iter()
                .map(|message| message.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            timestamp: json.get("timestamp")?.as_f64()?,
            is_truncated: json.get("isTruncated")?.as_bool()?,
        })
    }
}

/// The form clients print: `[LOG] 'text' 42`.
impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.level.name())?;
        for message in &self.messages {
            write!(f, " {message}")?;
        }
        if self.is_truncated { f.write_str(TRUNCATED_NOTE) } else { Ok(()) }
    }
}

/// The lines of one execution. When the limit is reached, a last line says so and the rest is dropped.
#[derive(Clone, Debug, Default)]
pub struct LogLines {
    lines: Vec<LogLine>,
    overflown: bool,
}

impl LogLines {
    /// Adds a line of already formatted arguments and returns it as it was kept, or `None` if it was dropped.
    pub fn push(&mut self, level: LogLevel, mut messages: Vec<String>, timestamp: f64) -> Option<&LogLine> {
        if self.overflown {
            return None;
        }
        if self.lines.len() + 1 >= LOG_LINES_MAX {
            self.overflown = true;
            self.lines.push(LogLine {
                level: LogLevel::Error,
                messages: vec![format!(
                    "Log overflow (maximum {LOG_LINES_MAX}). Remaining log lines omitted."
                )],
                timestamp,
                is_truncated: false,
            });
            return self.lines.last();
        }
        let is_truncated = truncate(&mut messages);
        self.lines.push(LogLine { level, messages, timestamp, is_truncated });
        self.lines.last()
    }

    /// Adds the lines of a nested call.
    pub fn extend(&mut self, lines: Vec<LogLine>) {
        for line in lines {
            if line.is_truncated && !self.overflown && self.lines.len() + 1 < LOG_LINES_MAX {
                self.lines.push(line);
            } else {
                self.push(line.level, line.messages, line.timestamp);
            }
        }
    }

    /// The lines, in the order they were printed.
    pub fn into_lines(self) -> Vec<LogLine> {
        self.lines
    }
}

/// Cuts the messages so that all of them fit a line, and says whether that was needed.
fn truncate(messages: &mut Vec<String>) -> bool {
    let mut room = LOG_LINE_LENGTH_MAX;
    for index in 0..messages.len() {
        let message = &mut messages[index];
        if message.len() <= room {
            room -= message.len();
            continue;
        }
        let mut end = room;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        messages.truncate(index + 1);
        return true;
    }
    false
}

/// Prints a line of level `DEBUG`: `log_debug!(ctx, "loaded {count} rows")`.
#[macro_export]
macro_rules! log_debug {
    ($ctx:expr, $($text:tt)+) => { $ctx.log($crate::function::LogLevel::Debug, ::std::format!($($text)+)) };
}

/// Prints a line of level `INFO`: `log_info!(ctx, "loaded {count} rows")`.
#[macro_export]
macro_rules! log_info {
    ($ctx:expr, $($text:tt)+) => { $ctx.log($crate::function::LogLevel::Info, ::std::format!($($text)+)) };
}

/// Prints a line of level `WARN`: `log_warn!(ctx, "loaded no rows")`.
#[macro_export]
macro_rules! log_warn {
    ($ctx:expr, $($text:tt)+) => { $ctx.log($crate::function::LogLevel::Warn, ::std::format!($($text)+)) };
}

/// Prints a line of level `ERROR`: `log_error!(ctx, "loading failed: {error}")`.
#[macro_export]
macro_rules! log_error {
    ($ctx:expr, $($text:tt)+) => { $ctx.log($crate::function::LogLevel::Error, ::std::format!($($text)+)) };
}

/// A string as `console.log` shows it among other values: in single quotes, or in others if that avoids
/// escaping.
pub fn quote(text: &str) -> String {
    let quote = ['\'', '"', '`'].into_iter().find(|quote| !text.contains(*quote)).unwrap_or('\'');
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            character if character == quote => {
                out.push('\\');
                out.push(character);
            }
            character if character.is_control() => {
                out.push_str(&format!("\\x{:02X}", character as u32));
            }
            character => out.push(character),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(messages: Vec<String>) -> LogLine {
        let mut lines = LogLines::default();
        lines.push(LogLevel::Log, messages, 1.0);
        lines.into_lines().remove(0)
    }

    #[test]
    fn a_line_has_two_forms() {
        let line = one(vec![quote("it's"), "42".to_owned()]);
        assert_eq!(line.to_string(), "[LOG] \"it's\" 42");
        assert_eq!(
            line.to_json().to_string(),
            r#"{"isTruncated":false,"level":"LOG","messages":["\"it's\"","42"],"timestamp":1.0}"#
        );
        assert_eq!(LogLine::from_json(&line.to_json()), Some(line));
    }

    #[test]
    fn quoting_escapes_what_a_terminal_would_act_on() {
        assert_eq!(quote("a\nb\u{1b}"), r"'a\nb\x1B'");
        assert_eq!(quote("'\"`"), r#"'\'"`'"#);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = one(vec!["x".repeat(LOG_LINE_LENGTH_MAX - 1), "é".to_owned(), "rest".to_owned()]);
        assert!(line.is_truncated);
        assert_eq!(line.messages.len(), 2);
        assert_eq!(line.messages[1], "");
        assert!(line.to_string().ends_with("(truncated due to length)"));
    }

    #[test]
    fn the_last_line_says_that_lines_are_missing() {
        let mut lines = LogLines::default();
        for number in 0..LOG_LINES_MAX + 10 {
            lines.push(LogLevel::Info, vec![number.to_string()], 0.0);
        }
        let lines = lines.into_lines();
        assert_eq!(lines.len(), LOG_LINES_MAX);
        assert_eq!(lines[254].to_string(), "[INFO] 254");
        assert!(lines[255].to_string().starts_with("[ERROR] Log overflow"));
    }
}
