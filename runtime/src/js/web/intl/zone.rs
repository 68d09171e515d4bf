//! Time zones by their IANA names, with the database that is part of the program.

use icu::calendar::Gregorian;
use icu::datetime::input::{Date, DateTime, Time, ZonedDateTime};
use icu::time::TimeZoneInfo;
use icu::time::zone::models::AtTime;
use icu::time::zone::{IanaParser, UtcOffset};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use super::texts;
use crate::js::op::{OpError, OpResult, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;

/// A moment as clocks in a zone show it.
pub(super) type Moment = ZonedDateTime<Gregorian, TimeZoneInfo<AtTime>>;

/// A time zone.
pub(super) struct Zone {
    rules: TimeZone,
    icu: icu::time::TimeZone,
}

impl Zone {
    /// A zone by the name that [`find`] gave.
    pub(super) fn named(name: &str) -> Result<Self, OpError> {
        let rules = match fixed(name) {
            Some((offset, _)) => TimeZone::fixed(offset),
            None => TimeZoneDatabase::bundled().get(name).map_err(|_| invalid(name))?,
        };
        Ok(Self { rules, icu: IanaParser::new().parse(name) })
    }

    /// The moment of some milliseconds since the epoch.
    pub(super) fn at(&self, milliseconds: f64) -> Result<Moment, OpError> {
        let out_of_range = || OpError::new("RangeError", "Invalid time value");
        let moment = Timestamp::from_millisecond(milliseconds as i64)
            .map_err(|_| OpError::new("RangeError", "Intl does not carry years beyond 9999 here"))?;
        let local = moment.to_zoned(self.rules.clone());
        let offset = UtcOffset::try_from_seconds(local.offset().seconds()).map_err(|_| out_of_range())?;
        let date = Date::try_new_gregorian(local.year().into(), local.month() as u8, local.day() as u8)
            .map_err(|_| out_of_range())?;
        let time = Time::try_new(
            local.hour() as u8,
            local.minute() as u8,
            local.second() as u8,
            local.subsec_nanosecond() as u32,
        )
        .map_err(|_| out_of_range())?;
        let zone = self.icu.with_offset(Some(offset)).at_date_time(DateTime { date, time });
        Ok(ZonedDateTime { date, time, zone })
    }
}

fn invalid(name: &str) -> OpError {
    OpError::new("RangeError", format!("Invalid time zone specified: {name}"))
}

/// An offset such as `+05:30`, with its canonical name.
fn fixed(name: &str) -> Option<(Offset, String)> {
    let (sign, digits) = match name.as_bytes().first()? {
        b'+' => (1, &name[1..]),
        b'-' => (-1, &name[1..]),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let hours: i32 = digits[..2].parse().ok()?;
    let minutes: i32 =
        digits.get(2..).filter(|minutes| !minutes.is_empty()).map_or(Some(0), |text| text.parse().ok())?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    let offset = Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    let shown = if sign < 0 && hours + minutes > 0 { '-' } else { '+' };
    Some((offset, format!("{shown}{hours:02}:{minutes:02}")))
}

/// The canonical name of a zone: `(name) -> name`.
pub(super) fn find(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let name = Arguments::new(arguments).text()?;
    if let Some((_, name)) = fixed(&name) {
        return Ok(OpValue::String(name));
    }
    if [
        "UTC",
        "GMT",
        "Etc/UTC",
        "Etc/GMT",
        "Etc/UCT",
        "UCT",
        "Zulu",
        "Etc/Zulu",
        "Universal",
        "Etc/Universal",
    ]
    .iter()
    .any(|known| known.eq_ignore_ascii_case(&name))
    {
        return Ok(OpValue::String("UTC".to_owned()));
    }
    let zone = TimeZoneDatabase::bundled().get(&name).map_err(|_| invalid(&name))?;
    Ok(OpValue::String(zone.iana_name().unwrap_or(&name).to_owned()))
}

/// The names of all zones: `() -> names`.
pub(super) fn list(_: &mut OpState, _: Vec<OpValue>) -> OpResult {
    let names = TimeZoneDatabase::bundled();
    let names = names.available().map(|name| name.to_string());
    Ok(texts(names.filter(|name| name.contains('/') && !name.starts_with("Etc/") || name == "UTC")))
}
