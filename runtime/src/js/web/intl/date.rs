//! Dates and times.
//!
//! ICU4X gives the pattern for a set of fields in a language; the widths of single fields that ECMA-402 lets a script choose
//! (a long weekday beside a short month, two digits) are then set in the pattern itself.

use icu::calendar::Gregorian;
use icu::datetime::fieldsets::builder::{DateFields, FieldSetBuilder, ZoneStyle};
use icu::datetime::fieldsets::enums::CompositeFieldSet;
use icu::datetime::options::{Length, SubsecondDigits, TimePrecision, YearStyle};
use icu::datetime::pattern::{DateTimePattern, FixedCalendarDateTimeNames};
use icu::datetime::preferences::HourCycle;
use icu::datetime::{DateTimeFormatterPreferences, FixedCalendarDateTimeFormatter};
use serde::Deserialize;
use writeable::Writeable;

use super::cache::built;
use super::parts::{Parts, value};
use super::pattern::{self, Piece};
use super::zone::Zone;
use super::{locale, unsupported};
use crate::js::op::{OpError, OpResult, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;

/// A moment in the middle of everything, to ask for patterns with: 5 January 2024, 15:04:05 UTC.
const REFERENCE_MS: f64 = 1_704_467_045_000.0;

/// Languages that pad the numbers of their short dates, but not those of a date made of numeric components.
const UNPADDED_DATES: &str =
    "am be cs cy da de en-IE en-IN es-MX et gl id ja ka ms my nb nl nn no pcm si sl so sw te vi";
/// The same, for dates without a year.
const UNPADDED_DAYS: &str =
    "am be cs cy da de en-IE en-NZ es-MX et gl hu id ja ka ms my nl pcm si sl so sv sw te tr vi";
/// Languages in which the hour of a time has no leading zero, although ICU4X writes one.
const UNPADDED_HOURS: &str = "es gu lo my ps vi";

/// Resolved options of `Intl.DateTimeFormat`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    locale: String,
    time_zone: String,
    /// `h11`, `h12`, `h23` or `h24`, where the script said which.
    hour_cycle: Option<String>,
    date_style: Option<String>,
    time_style: Option<String>,
    weekday: Option<String>,
    era: Option<String>,
    year: Option<String>,
    month: Option<String>,
    day: Option<String>,
    hour: Option<String>,
    minute: Option<String>,
    second: Option<String>,
    fractional_second_digits: Option<u8>,
    time_zone_name: Option<String>,
}

/// A `DateTimeFormat`.
struct DateTime {
    names: FixedCalendarDateTimeNames<Gregorian, CompositeFieldSet>,
    pattern: DateTimePattern,
    text: String,
    zone: Zone,
    midnight_is_24: bool,
}

impl DateTime {
    fn new(spec: Spec) -> Result<Self, OpError> {
        let zone = Zone::named(&spec.time_zone)?;
        let mut preferences = DateTimeFormatterPreferences::from(&locale::parse(&spec.locale)?);
        match spec.hour_cycle.as_deref() {
            Some("h11") => preferences.hour_cycle = Some(HourCycle::H11),
            Some("h12") => preferences.hour_cycle = Some(HourCycle::H12),
            Some(_) => preferences.hour_cycle = Some(HourCycle::H23),
            None => {}
        }
        let mut pieces = spec.base(preferences, &zone)?;
        spec.widen(&mut pieces);
        let text = pattern::write(&pieces);
        let failed = |what: &dyn std::fmt::Display| unsupported(format!("dates in {}: {what}", spec.locale));
        let pattern = DateTimePattern::try_from_pattern_str(&text).map_err(|error| failed(&error))?;
        let mut names = FixedCalendarDateTimeNames::try_new(preferences).map_err(|error| failed(&error))?;
        names.include_for_pattern(&pattern).map_err(|error| failed(&error))?;
        let midnight_is_24 = spec.hour_cycle.as_deref() == Some("h24");
        Ok(Self { names, pattern, text, zone, midnight_is_24 })
    }

    fn format(&self, milliseconds: f64) -> Result<Vec<super::parts::Piece>, OpError> {
        let moment = self.zone.at(milliseconds)?;
        let formatted = self.names.with_pattern_unchecked(&self.pattern).format(&moment);
        let mut pieces = Parts::of(&Lossy(formatted));
        for (kind, text) in &mut pieces {
            if self.midnight_is_24 && *kind == "hour" && text.chars().all(|digit| digit == '0') {
                *text = "24".to_owned();
            }
        }
        Ok(pieces.into_iter().flat_map(split_fraction).collect())
    }
}

/// Seconds and their fraction are one piece of ICU4X and three of ECMA-402.
fn split_fraction((kind, text): super::parts::Piece) -> Vec<super::parts::Piece> {
    let point = |character: &char| !character.is_numeric();
    match text.chars().find(point).and_then(|point| text.split_once(point).map(|halves| (point, halves))) {
        Some((point, (seconds, fraction))) if kind == "second" && !fraction.is_empty() => vec![
            ("second", seconds.to_owned()),
            ("literal", point.to_string()),
            ("fractionalSecond", fraction.to_owned()),
        ],
        _ => vec![(kind, text)],
    }
}

impl Spec {
    /// The pattern of the language for the fields.
    fn base(&self, preferences: DateTimeFormatterPreferences, zone: &Zone) -> Result<Vec<Piece>, OpError> {
        if self.hour.is_none() && self.date_style.is_none() && self.time_style.is_none() && !self.has_date() {
            // Minutes and seconds by themselves are no set of fields.
            if let Some(pieces) = self.minutes_alone() {
                return Ok(pieces);
            }
        }
        let mut builder = FieldSetBuilder::new();
        if self.date_style.is_some() || self.time_style.is_some() {
            self.styles(&mut builder);
        } else {
            self.components(&mut builder)?;
        }
        let fields = builder
            .clone()
            .build_composite()
            .map_err(|_| unsupported("this combination of the components of a date"))?;
        let pieces = self.pattern_of(preferences, zone, fields)?;
        let in_words = matches!(self.month.as_deref(), Some("short" | "narrow"));
        let is_number = |piece: &Piece| matches!(piece, Piece::Field('M' | 'L', 1 | 2));
        if in_words
            && self.weekday.is_none()
            && builder.length == Some(Length::Medium)
            && pieces.iter().any(is_number)
        {
            // The medium form of some languages has numbers; their long form takes short words.
            builder = FieldSetBuilder::new();
            self.components(&mut builder)?;
            builder.length = Some(Length::Long);
            let fields = builder.build_composite().map_err(|_| unsupported("such a date"))?;
            return self.pattern_of(preferences, zone, fields);
        }
        Ok(pieces)
    }

    fn pattern_of(
        &self,
        preferences: DateTimeFormatterPreferences,
        zone: &Zone,
        fields: CompositeFieldSet,
    ) -> Result<Vec<Piece>, OpError> {
        let formatter = FixedCalendarDateTimeFormatter::<Gregorian, _>::try_new(preferences, fields)
            .map_err(|error| unsupported(format!("dates in {}: {error}", self.locale)))?;
        let pattern = formatter.format(&zone.at(REFERENCE_MS)?).pattern();
        let mut pieces = pattern::parse(&pattern.write_to_string());
        if self.locale.starts_with("ko") && pieces.contains(&Piece::Literal("/".to_owned())) {
            dots(&mut pieces);
        }
        Ok(pieces)
    }

    fn styles(&self, builder: &mut FieldSetBuilder) {
        if let Some(style) = &self.date_style {
            let (length, fields) = match style.as_str() {
                "full" => (Length::Long, DateFields::YMDE),
                "long" => (Length::Long, DateFields::YMD),
                "medium" => (Length::Medium, DateFields::YMD),
                _ => (Length::Short, DateFields::YMD),
            };
            builder.length = Some(length);
            builder.date_fields = Some(fields);
        }
        if let Some(style) = &self.time_style {
            builder.time_precision =
                Some(if style == "short" { TimePrecision::Minute } else { TimePrecision::Second });
            builder.zone_style = match style.as_str() {
                "full" => Some(ZoneStyle::SpecificLong),
                "long" => Some(ZoneStyle::SpecificShort),
                _ => None,
            };
        }
    }

    const fn has_date(&self) -> bool {
        self.weekday.is_some() || self.year.is_some() || self.month.is_some() || self.day.is_some()
    }

    fn components(&self, builder: &mut FieldSetBuilder) -> Result<(), OpError> {
        let has = (self.year.is_some(), self.month.is_some(), self.day.is_some(), self.weekday.is_some());
        builder.date_fields = match has {
            (false, false, false, false) => None,
            (false, false, true, false) => Some(DateFields::D),
            (false, true, true, false) => Some(DateFields::MD),
            (true, true, true, false) => Some(DateFields::YMD),
            (false, false, true, true) => Some(DateFields::DE),
            (false, true, true, true) => Some(DateFields::MDE),
            (true, true, true, true) => Some(DateFields::YMDE),
            (false, false, false, true) => Some(DateFields::E),
            (false, true, false, false) => Some(DateFields::M),
            (true, true, false, false) => Some(DateFields::YM),
            (true, false, false, false) => Some(DateFields::Y),
            _ => return Err(unsupported("this combination of the components of a date")),
        };
        let decisive = self.month.as_deref().or(self.weekday.as_deref());
        builder.length = builder.date_fields.map(|_| match decisive {
            Some("long") => Length::Long,
            Some("short" | "narrow") => Length::Medium,
            _ => Length::Short,
        });
        if self.year.is_some() {
            builder.year_style = Some(if self.era.is_some() { YearStyle::WithEra } else { YearStyle::Full });
        }
        builder.time_precision = match (&self.hour, &self.minute, &self.second, self.fractional_second_digits)
        {
            (None, None, None, None) => None,
            (Some(_), None, None, None) => Some(TimePrecision::Hour),
            (Some(_), Some(_), None, None) => Some(TimePrecision::Minute),
            (Some(_), Some(_), Some(_), None) => Some(TimePrecision::Second),
            (Some(_), Some(_), Some(_), Some(digits)) => Some(TimePrecision::Subsecond(match digits {
                1 => SubsecondDigits::S1,
                2 => SubsecondDigits::S2,
                _ => SubsecondDigits::S3,
            })),
            _ => return Err(unsupported("this combination of the components of a time")),
        };
        builder.zone_style = match self.time_zone_name.as_deref() {
            None => None,
            Some("long") => Some(ZoneStyle::SpecificLong),
            Some("shortOffset") => Some(ZoneStyle::LocalizedOffsetShort),
            Some("longOffset") => Some(ZoneStyle::LocalizedOffsetLong),
            Some("shortGeneric") => Some(ZoneStyle::GenericShort),
            Some("longGeneric") => Some(ZoneStyle::GenericLong),
            Some(_) => Some(ZoneStyle::SpecificShort),
        };
        Ok(())
    }

    fn minutes_alone(&self) -> Option<Vec<Piece>> {
        let fraction = || {
            let digits = usize::from(self.fractional_second_digits?);
            Some([Piece::Literal(".".to_owned()), Piece::Field('S', digits)])
        };
        let mut pieces = match (&self.minute, &self.second) {
            (Some(_), None) => return Some(vec![Piece::Field('m', 1)]),
            (None, Some(_)) => vec![Piece::Field('s', 1)],
            (Some(_), Some(_)) => {
                vec![Piece::Field('m', 2), Piece::Literal(":".to_owned()), Piece::Field('s', 2)]
            }
            (None, None) => return None,
        };
        pieces.extend(fraction().into_iter().flatten());
        Some(pieces)
    }

    /// Writes each field as wide as the options say.
    fn widen(&self, pieces: &mut [Piece]) {
        let styled = self.date_style.is_some() || self.time_style.is_some();
        let language = self.locale.split('-').next().unwrap_or_default();
        let base = self.locale.split("-u-").next().unwrap_or_default();
        let listed = |list: &str| list.split(' ').any(|name| name == language || name == base);
        let unpadded = !styled && listed(if self.year.is_some() { UNPADDED_DATES } else { UNPADDED_DAYS });
        let unpadded_hours = listed(UNPADDED_HOURS);
        for piece in pieces {
            let Piece::Field(letter, count) = piece else { continue };
            if *count == 2
                && (unpadded && matches!(letter, 'd' | 'M' | 'L')
                    || unpadded_hours && matches!(letter, 'h' | 'H'))
            {
                *count = 1;
            }
            if styled {
                continue;
            }
            let text = |wanted: &Option<String>, count: usize| match wanted.as_deref() {
                Some("long") => 4,
                Some("short") => 3,
                Some("narrow") => 5,
                _ => count,
            };
            let two = |wanted: &Option<String>, count: usize| match wanted.as_deref() {
                Some("2-digit") => 2,
                _ => count,
            };
            *count = match *letter {
                'E' | 'c' => text(&self.weekday, *count),
                'G' => text(&self.era, *count),
                'M' | 'L' if *count >= 3 => text(&self.month, *count),
                'M' | 'L' => two(&self.month, *count),
                'd' => two(&self.day, *count),
                'y' if self.year.as_deref() == Some("2-digit") => 2,
                'h' | 'H' | 'K' | 'k' => two(&self.hour, *count),
                _ => *count,
            };
        }
    }
}

/// Writes a Korean date of numbers with dots, as everybody else does: ICU4X has slashes.
fn dots(pieces: &mut Vec<Piece>) {
    let is_date = |piece: &Piece| matches!(piece, Piece::Field('y' | 'M' | 'L' | 'd', _));
    for piece in pieces.iter_mut().filter(|piece| **piece == Piece::Literal("/".to_owned())) {
        *piece = Piece::Literal(". ".to_owned());
    }
    if let Some(last) = pieces.iter().rposition(is_date) {
        pieces.insert(last + 1, Piece::Literal(".".to_owned()));
    }
}

/// Formatted text of which a field that is missing is not an error: ICU4X then writes a replacement.
struct Lossy<'a>(icu::datetime::pattern::FormattedDateTimePattern<'a>);

impl Writeable for Lossy<'_> {
    fn write_to_parts<S: writeable::PartsWrite + ?Sized>(&self, sink: &mut S) -> std::fmt::Result {
        use writeable::TryWriteable;
        self.0.try_write_to_parts(sink).map(|_| ())
    }
}

/// Formats a moment: `(spec, milliseconds since the epoch) -> parts`.
pub(super) fn format(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let mut arguments = Arguments::new(arguments);
    let date = built("date", arguments.text()?, DateTime::new)?;
    date.format(arguments.number()?).map(value)
}

/// The pattern of a format: `(spec) -> text`.
pub(super) fn describe(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let date = built("date", Arguments::new(arguments).text()?, DateTime::new)?;
    Ok(OpValue::String(date.text.clone()))
}
