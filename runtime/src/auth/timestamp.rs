//! RFC 3339 text of a Unix time, as `updatedAt` of an identity has it.

use chrono::{DateTime, Datelike as _, SecondsFormat};

/// The time in UTC, `2023-11-14T22:13:20+00:00`; `None` if it is not within the years 0 to 9999. Fractions of a
/// second are dropped.
pub(super) fn rfc3339(unix_seconds: f64) -> Option<String> {
    // What is no number becomes 0 or the end of its type, which no year has.
    let time = DateTime::from_timestamp(unix_seconds.floor() as i64, 0)?;
    let is_known = unix_seconds.is_finite() && (0..=9999).contains(&time.year());
    is_known.then(|| time.to_rfc3339_opts(SecondsFormat::Secs, false))
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn known_times() {
        for (seconds, text) in [
            (0.0, "1970-01-01T00:00:00+00:00"),
            (1_700_000_000.9, "2023-11-14T22:13:20+00:00"),
            (951_782_399.0, "2000-02-28T23:59:59+00:00"),
            (951_782_400.0, "2000-02-29T00:00:00+00:00"),
            (-1.0, "1969-12-31T23:59:59+00:00"),
            (253_402_300_799.0, "9999-12-31T23:59:59+00:00"),
        ] {
            assert_eq!(rfc3339(seconds).as_deref(), Some(text));
        }
        assert_eq!(rfc3339(f64::NAN), None);
        assert_eq!(rfc3339(f64::INFINITY), None);
        assert_eq!(rfc3339(253_402_300_800.0), None);
        assert_eq!(rfc3339(-62_167_219_201.0), None);
    }
}
