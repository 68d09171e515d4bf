//! [`Schedule`]: when a cron runs, its JSON form, and its next run.
//!
//! All times are UTC. Everything but an interval is a cron expression underneath, so that a monthly cron on the
//! 31st skips short months the way cron does.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use serde_json::{Value as Json, json};

use crate::{Error, Result};

const NANOS: u64 = 1_000_000_000;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the days of the week")]
pub enum DayOfWeek {
    Sunday,
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
}

const DAYS: [(&str, DayOfWeek); 7] = [
    ("sunday", DayOfWeek::Sunday),
    ("monday", DayOfWeek::Monday),
    ("tuesday", DayOfWeek::Tuesday),
    ("wednesday", DayOfWeek::Wednesday),
    ("thursday", DayOfWeek::Thursday),
    ("friday", DayOfWeek::Friday),
    ("saturday", DayOfWeek::Saturday),
];

/// When a cron runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Every so many seconds.
    Interval {
        /// Seconds between two runs, at least 1.
        seconds: u64,
    },
    /// Every hour.
    Hourly {
        /// 0–59; `None` lets the server pick one, the same for every run of one cron.
        minute: Option<u32>,
    },
    /// Every day.
    Daily {
        /// 0–23.
        hour: u32,
        /// 0–59.
        minute: u32,
    },
    /// Every week.
    Weekly {
        /// Which day.
        day: DayOfWeek,
        /// 0–23.
        hour: u32,
        /// 0–59.
        minute: u32,
    },
    /// Every month that has the day.
    Monthly {
        /// 1–31.
        day: u32,
        /// 0–23.
        hour: u32,
        /// 0–59.
        minute: u32,
    },
    /// A cron expression of five fields.
    Cron(String),
}

impl Schedule {
    /// Every `seconds` seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self::Interval { seconds }
    }

    /// Every `minutes` minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self::Interval { seconds: minutes * 60 }
    }

    /// Every `hours` hours.
    pub const fn hours(hours: u64) -> Self {
        Self::Interval { seconds: hours * 3600 }
    }

    /// Every hour at the given minute.
    pub const fn hourly(minute: u32) -> Self {
        Self::Hourly { minute: Some(minute) }
    }

    /// Every day at the given time.
    pub const fn daily(hour: u32, minute: u32) -> Self {
        Self::Daily { hour, minute }
    }

    /// Every week on the given day and time.
    pub const fn weekly(day: DayOfWeek, hour: u32, minute: u32) -> Self {
        Self::Weekly { day, hour, minute }
    }

    /// Every month on the given day (1–31) and time.
    pub const fn monthly(day: u32, hour: u32, minute: u32) -> Self {
        Self::Monthly { day, hour, minute }
    }

    /// A cron expression of five fields.
    pub fn cron(expression: impl Into<String>) -> Self {
        Self::Cron(expression.into())
    }

    /// Checks the figures.
    ///
    /// # Errors
    /// `InvalidCron` with a text that says which figure is wrong.
    pub fn check(&self) -> Result<()> {
        let at_most = |name: &str, value: u32, max: u32| {
            if value <= max {
                return Ok(());
            }
            Err(invalid(format!("{name} of a cron must be at most {max}, but it is {value}.")))
        };
        match self {
            Self::Interval { seconds: 0 } => Err(invalid("The interval of a cron must be greater than 0.")),
            Self::Interval { .. } => Ok(()),
            Self::Hourly { minute } => at_most("The minute", minute.unwrap_or(0), 59),
            Self::Daily { hour, minute } | Self::Weekly { hour, minute, .. } => {
                at_most("The hour", *hour, 23).and(at_most("The minute", *minute, 59))
            }
            Self::Monthly { day: 0, .. } => Err(invalid("The day of a monthly cron must be at least 1.")),
            Self::Monthly { day, hour, minute } => at_most("The day", *day, 31)
                .and(at_most("The hour", *hour, 23))
                .and(at_most("The minute", *minute, 59)),
            Self::Cron(expression) => parse(expression).map(drop),
        }
    }

    /// The first run after `after_ns` (nanoseconds since the epoch). `previous_ns` is the run before, on which
    /// an interval counts on; `name` is the cron's, from which an open minute is picked. `None` if there is no
    /// such time, e.g. for the 30th of February.
    pub fn next_after(&self, name: &str, previous_ns: Option<u64>, after_ns: u64) -> Option<u64> {
        if let Self::Interval { seconds } = self {
            let step = seconds.checked_mul(NANOS)?;
            let start = previous_ns.unwrap_or(after_ns).min(after_ns);
            return start.checked_add(((after_ns - start) / step + 1).checked_mul(step)?);
        }
        let cron = parse(&self.expression(name)).ok()?;
        let after = DateTime::<Utc>::from_timestamp((after_ns / NANOS) as i64, 0)?;
        let next = cron.find_next_occurrence(&after, false).ok()?;
        u64::try_from(next.timestamp()).ok()?.checked_mul(NANOS)
    }

    fn expression(&self, name: &str) -> String {
        match self {
            Self::Interval { .. } => String::new(),
            Self::Hourly { minute } => format!("{} * * * *", minute.unwrap_or_else(|| stable_minute(name))),
            Self::Daily { hour, minute } => format!("{minute} {hour} * * *"),
            Self::Weekly { day, hour, minute } => format!("{minute} {hour} * * {}", *day as u8),
            Self::Monthly { day, hour, minute } => format!("{minute} {hour} {day} * *"),
            Self::Cron(expression) => expression.clone(),
        }
    }

    /// The JSON that `crons.export()` gives for it.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Interval { seconds } => json!({ "type": "interval", "seconds": seconds }),
            Self::Hourly { minute: None } => json!({ "type": "hourly" }),
            Self::Hourly { minute: Some(minute) } => json!({ "type": "hourly", "minuteUTC": minute }),
            Self::Daily { hour, minute } => json!({ "type": "daily", "hourUTC": hour, "minuteUTC": minute }),
            Self::Weekly { day, hour, minute } => json!({
                "type": "weekly", "dayOfWeek": DAYS[*day as usize].0, "hourUTC": hour, "minuteUTC": minute
            }),
            Self::Monthly { day, hour, minute } => {
                json!({ "type": "monthly", "day": day, "hourUTC": hour, "minuteUTC": minute })
            }
            Self::Cron(expression) => json!({ "type": "cron", "cron": expression }),
        }
    }

    /// Reads the JSON that `crons.export()` gives.
    ///
    /// # Errors
    /// `InvalidCron` with a text that says what is wrong.
    pub fn from_json(json: &Json) -> Result<Self> {
        let number = |name: &str| -> Result<u32> {
            json.get(name)
                .and_then(Json::as_f64)
                .filter(|number| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number))
                .map(|number| number as u32)
                .ok_or_else(|| invalid(format!("\"{name}\" of a cron must be a whole number.")))
        };
        let schedule = match json.get("type").and_then(Json::as_str) {
            Some("interval") => {
                let units = [("seconds", 1), ("minutes", 60), ("hours", 3600)];
                let mut given = units.into_iter().filter(|(name, _)| json.get(*name).is_some());
                let (Some((name, factor)), None) = (given.next(), given.next()) else {
                    return Err(invalid(
                        "An interval needs exactly one of \"seconds\", \"minutes\", \"hours\".",
                    ));
                };
                Self::Interval { seconds: u64::from(number(name)?) * factor }
            }
            Some("hourly") if json.get("minuteUTC").is_none_or(Json::is_null) => {
                Self::Hourly { minute: None }
            }
            Some("hourly") => Self::Hourly { minute: Some(number("minuteUTC")?) },
            Some("daily") => Self::Daily { hour: number("hourUTC")?, minute: number("minuteUTC")? },
            Some("weekly") => {
                let name = json.get("dayOfWeek").and_then(Json::as_str).unwrap_or_default();
                let (_, day) = DAYS
                    .into_iter()
                    .find(|(day, _)| *day == name)
                    .ok_or_else(|| invalid("\"dayOfWeek\" of a cron must be a day such as \"monday\"."))?;
                Self::Weekly { day, hour: number("hourUTC")?, minute: number("minuteUTC")? }
            }
            Some("monthly") => {
                Self::Monthly { day: number("day")?, hour: number("hourUTC")?, minute: number("minuteUTC")? }
            }
            Some("cron") => {
                let expression = json.get("cron").or_else(|| json.get("cronExpr")).and_then(Json::as_str);
                Self::Cron(expression.ok_or_else(|| invalid("A cron needs its expression."))?.to_owned())
            }
            _ => return Err(invalid("The schedule of a cron has an unknown type.")),
        };
        schedule.check()?;
        Ok(schedule)
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::bad_request("InvalidCron", message)
}

fn parse(expression: &str) -> Result<Cron> {
    // Nicknames such as "@daily" would pass the parser; the original takes five fields only.
    let fields = expression.split_whitespace().count();
    if fields != 5 {
        return Err(invalid(format!("The cron expression \"{expression}\" must have five fields.")));
    }
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
        .parse(expression)
        .map_err(|error| invalid(format!("The cron expression \"{expression}\" is invalid: {error}.")))
}

/// A minute that depends on nothing but the name, so that it never moves.
fn stable_minute(name: &str) -> u32 {
    name.bytes().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 60
}

impl FromStr for Schedule {
    type Err = Error;

    /// Reads a cron expression of five fields.
    fn from_str(text: &str) -> Result<Self> {
        let schedule = Self::cron(text);
        schedule.check()?;
        Ok(schedule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(text: &str) -> u64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp() as u64 * NANOS
    }

    fn next(schedule: &Schedule, after: &str) -> String {
        let next = schedule.next_after("job", None, ns(after)).unwrap();
        DateTime::<Utc>::from_timestamp((next / NANOS) as i64, 0).unwrap().to_rfc3339()
    }

    #[test]
    fn each_kind_finds_its_next_run() {
        let now = "2026-01-31T10:30:00Z";
        assert_eq!(next(&Schedule::hourly(5), now), "2026-01-31T11:05:00+00:00");
        assert_eq!(next(&Schedule::daily(9, 0), now), "2026-02-01T09:00:00+00:00");
        assert_eq!(next(&Schedule::weekly(DayOfWeek::Monday, 9, 0), now), "2026-02-02T09:00:00+00:00");
        assert_eq!(next(&Schedule::cron("*/5 * * * *"), now), "2026-01-31T10:35:00+00:00");
        assert_eq!(next(&Schedule::minutes(1), now), "2026-01-31T10:31:00+00:00");
    }

    #[test]
    fn a_monthly_cron_skips_short_months() {
        assert_eq!(next(&Schedule::monthly(31, 0, 0), "2026-01-31T10:30:00Z"), "2026-03-31T00:00:00+00:00");
    }

    #[test]
    fn an_interval_counts_on_from_its_last_run_and_skips_missed_ones() {
        let every = Schedule::seconds(30);
        assert_eq!(every.next_after("job", Some(100 * NANOS), 100 * NANOS), Some(130 * NANOS));
        assert_eq!(every.next_after("job", Some(100 * NANOS), 195 * NANOS), Some(220 * NANOS));
    }

    #[test]
    fn the_minute_of_an_open_hourly_cron_never_moves() {
        let open = Schedule::Hourly { minute: None };
        let first = open.next_after("job", None, ns("2026-01-31T10:00:00Z")).unwrap();
        assert_eq!(open.next_after("job", None, first), Some(first + 3600 * NANOS));
    }

    #[test]
    fn json_is_read_back() {
        for schedule in [
            Schedule::seconds(30),
            Schedule::hourly(5),
            Schedule::Hourly { minute: None },
            Schedule::daily(9, 0),
            Schedule::weekly(DayOfWeek::Saturday, 9, 1),
            Schedule::monthly(1, 2, 3),
            Schedule::cron("*/5 * * * *"),
        ] {
            assert_eq!(Schedule::from_json(&schedule.to_json()).unwrap(), schedule);
        }
    }

    #[test]
    fn wrong_figures_are_refused() {
        for schedule in [
            Schedule::seconds(0),
            Schedule::hourly(60),
            Schedule::daily(24, 0),
            Schedule::monthly(0, 0, 0),
            Schedule::cron("* * * * * *"),
            Schedule::cron("@daily"),
            Schedule::cron("61 * * * *"),
        ] {
            assert_eq!(schedule.check().expect_err(&format!("{schedule:?}")).code(), "InvalidCron");
        }
    }
}
