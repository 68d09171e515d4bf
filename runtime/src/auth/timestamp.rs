//! RFC 3339 text of a Unix time, as `updatedAt` of an identity has it.

/// The time in UTC, `2023-11-14T22:13:20+00:00`; `None` if it is not within the years 0 to 9999. Fractions of a
/// second are dropped.
pub(super) fn rfc3339(unix_seconds: f64) -> Option<String> {
    if !unix_seconds.is_finite() || unix_seconds.abs() > 1e12 {
        return None;
    }
    let seconds = unix_seconds.floor() as i64;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    (0..=9999).contains(&year).then(|| {
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}+00:00",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    })
}

/// The date of a day counted from 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March,
/// so that the leap day is the last day of a year.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
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
        assert_eq!(rfc3339(253_402_300_800.0), None);
    }
}
