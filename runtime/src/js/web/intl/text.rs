//! Plurals, lists, relative times, collation, segments and case.

use fixed_decimal::{Decimal, Sign};
use icu::casemap::CaseMapper;
use icu::collator::options::{AlternateHandling, CaseLevel, CollatorOptions, Strength};
use icu::collator::preferences::{CollationCaseFirst, CollationNumericOrdering};
use icu::collator::{CollatorBorrowed, CollatorPreferences};
use icu::experimental::dimension::provider::units::categorized_display_names as names;
use icu::experimental::dimension::provider::units::display_names::UnitsDisplayNames;
use icu::experimental::provider::Baked;
use icu::experimental::relativetime::options::Numeric;
use icu::experimental::relativetime::{RelativeTimeFormatter, RelativeTimeFormatterOptions};
use icu::list::ListFormatter;
use icu::list::options::{ListFormatterOptions, ListLength};
use icu::locale::Locale;
use icu::plurals::{PluralCategory, PluralRuleType, PluralRules, PluralRulesOptions};
use icu::segmenter::options::{SentenceBreakInvariantOptions, WordBreakInvariantOptions};
use icu::segmenter::{GraphemeClusterSegmenter, SentenceSegmenter, WordSegmenter};
use icu_provider::marker::DataMarkerExt;
use icu_provider::{
    DataIdentifierBorrowed, DataMarkerAttributes, DataPayload, DataProvider, DataRequest, DynamicDataMarker,
};
use serde::Deserialize;
use writeable::Writeable;

use super::cache::built;
use super::number::Digits;
use super::parts::{Parts, value};
use super::{locale, texts, unsupported};
use crate::js::op::{OpError, OpResult, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;

/// How a language writes a measure.
pub(super) struct Unit {
    names: Box<Names>,
}

/// The name for a number, around U+FFFC.
type Names = dyn Fn(&Decimal, &PluralRules) -> String;

const AREA: [&str; 2] = ["acre", "hectare"];
const DURATION: [&str; 10] =
    ["day", "hour", "microsecond", "millisecond", "minute", "month", "nanosecond", "second", "week", "year"];
const LENGTH: [&str; 9] =
    ["centimeter", "foot", "inch", "kilometer", "meter", "mile", "mile-scandinavian", "millimeter", "yard"];
const MASS: [&str; 5] = ["gram", "kilogram", "ounce", "pound", "stone"];
const VOLUME: [&str; 4] = ["fluid-ounce", "gallon", "liter", "milliliter"];

impl Unit {
    /// The names of a unit such as `kilometer`, in a width such as `short`.
    pub(super) fn load(locale: &Locale, unit: &str, width: &str) -> Result<Self, OpError> {
        // A language's own name in a later part of the data counts more than the root's in an earlier one.
        macro_rules! any_of {
            ($($marker:ident)*) => {{
                let found = [$(Self::find::<names::$marker>(locale, unit, width)),*];
                let (own, root): (Vec<_>, Vec<_>) = found.into_iter().flatten().partition(|(is_own, _)| *is_own);
                own.into_iter().chain(root).next().map(|(_, unit)| unit)
            }};
        }
        let found = if AREA.contains(&unit) {
            any_of!(UnitsNamesAreaCoreV1 UnitsNamesAreaExtendedV1 UnitsNamesAreaOutlierV1)
        } else if DURATION.contains(&unit) {
            any_of!(UnitsNamesDurationCoreV1 UnitsNamesDurationExtendedV1 UnitsNamesDurationOutlierV1)
        } else if LENGTH.contains(&unit) {
            any_of!(UnitsNamesLengthCoreV1 UnitsNamesLengthExtendedV1 UnitsNamesLengthOutlierV1)
        } else if MASS.contains(&unit) {
            any_of!(UnitsNamesMassCoreV1 UnitsNamesMassExtendedV1 UnitsNamesMassOutlierV1)
        } else if VOLUME.contains(&unit) {
            any_of!(UnitsNamesVolumeCoreV1 UnitsNamesVolumeExtendedV1 UnitsNamesVolumeOutlierV1)
        } else {
            None
        };
        found.ok_or_else(|| unsupported(format!("the unit {unit}")))
    }

    /// The name in one part of the data, and whether it is the language's own.
    fn find<M>(locale: &Locale, unit: &str, width: &str) -> Option<(bool, Self)>
    where
        M: icu_provider::DataMarker + DynamicDataMarker<DataStruct = UnitsDisplayNames<'static>> + 'static,
        Baked: DataProvider<M>,
    {
        let name = format!("{width}-{unit}");
        let attributes = DataMarkerAttributes::try_from_str(&name).ok()?;
        let data_locale = M::make_locale(locale.into());
        let id = DataIdentifierBorrowed::for_marker_attributes_and_locale(attributes, &data_locale);
        let request = DataRequest { id, metadata: Default::default() };
        let response = DataProvider::<M>::load(&Baked, request).ok()?;
        let is_own = response.metadata.locale.is_none_or(|found| !found.is_unknown());
        let payload: DataPayload<M> = response.payload;
        let unit = Self {
            names: Box::new(move |number, plurals| {
                let pattern = payload.get().get(number.into(), plurals);
                pattern.interpolate(["\u{FFFC}"]).write_to_string().into_owned()
            }),
        };
        Some((is_own, unit))
    }

    /// The name for a number, around the character U+FFFC.
    pub(super) fn around(&self, number: &Decimal, plurals: &PluralRules) -> String {
        (self.names)(number, plurals)
    }
}

#[derive(Deserialize)]
struct PluralSpec {
    locale: String,
    ordinal: bool,
    digits: Digits,
}

struct Plural {
    rules: PluralRules,
    digits: Digits,
}

impl Plural {
    fn new(spec: PluralSpec) -> Result<Self, OpError> {
        let kind = if spec.ordinal { PluralRuleType::Ordinal } else { PluralRuleType::Cardinal };
        let options = PluralRulesOptions::default().with_type(kind);
        let rules = PluralRules::try_new((&locale::parse(&spec.locale)?).into(), options)
            .map_err(|_| unsupported(format!("plurals in {}", spec.locale)))?;
        Ok(Self { rules, digits: spec.digits })
    }
}

const fn category(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    }
}

/// The plural category of a number: `(spec, number as text) -> name`.
pub(super) fn plural(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let mut arguments = Arguments::new(arguments);
    let plural = built("plural", arguments.text()?, Plural::new)?;
    let Ok(mut number) = arguments.text()?.parse::<Decimal>() else {
        return Ok(OpValue::String("other".to_owned()));
    };
    plural.digits.apply(&mut number);
    Ok(OpValue::String(category(plural.rules.category_for(&number)).to_owned()))
}

/// The plural categories of a language: `(spec) -> names`.
pub(super) fn plural_categories(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let plural = built("plural", Arguments::new(arguments).text()?, Plural::new)?;
    Ok(texts(plural.rules.categories().map(category)))
}

#[derive(Deserialize)]
struct ListSpec {
    locale: String,
    kind: String,
    style: String,
}

fn list_formatter(spec: ListSpec) -> Result<ListFormatter, OpError> {
    let locale = locale::parse(&spec.locale)?;
    let length = match spec.style.as_str() {
        "short" => ListLength::Short,
        "narrow" => ListLength::Narrow,
        _ => ListLength::Wide,
    };
    let options = ListFormatterOptions::default().with_length(length);
    match spec.kind.as_str() {
        "disjunction" => ListFormatter::try_new_or((&locale).into(), options),
        "unit" => ListFormatter::try_new_unit((&locale).into(), options),
        _ => ListFormatter::try_new_and((&locale).into(), options),
    }
    .map_err(|_| unsupported(format!("lists in {}", spec.locale)))
}

/// Joins a list: `(spec, items) -> parts`.
pub(super) fn list(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let mut arguments = Arguments::new(arguments);
    let formatter = built("list", arguments.text()?, list_formatter)?;
    let OpValue::List(items) = arguments.value() else { return Err(OpError::type_error("Expected a list")) };
    let items: Vec<String> = items
        .into_iter()
        .map(|item| match item {
            OpValue::String(item) => Ok(item),
            _ => Err(OpError::type_error("Expected a list of strings")),
        })
        .collect::<Result<_, _>>()?;
    Ok(value(Parts::of(&formatter.format(items.iter()))))
}

#[derive(Deserialize)]
struct RelativeSpec {
    locale: String,
    style: String,
    unit: String,
    auto: bool,
}

fn relative_formatter(spec: RelativeSpec) -> Result<RelativeTimeFormatter, OpError> {
    let locale = locale::parse(&spec.locale)?;
    let numeric = if spec.auto { Numeric::Auto } else { Numeric::Always };
    let options = RelativeTimeFormatterOptions::default().with_numeric(numeric);
    macro_rules! make {
        ($($style:literal $unit:literal $make:ident;)*) => {
            match (spec.style.as_str(), spec.unit.as_str()) {
                $(($style, $unit) => RelativeTimeFormatter::$make((&locale).into(), options),)*
                _ => return Err(unsupported(format!("the unit {}", spec.unit))),
            }
        };
    }
    let formatter = make! {
        "long" "second" try_new_long_second; "long" "minute" try_new_long_minute; "long" "hour" try_new_long_hour;
        "long" "day" try_new_long_day; "long" "week" try_new_long_week; "long" "month" try_new_long_month;
        "long" "quarter" try_new_long_quarter; "long" "year" try_new_long_year;
        "short" "second" try_new_short_second; "short" "minute" try_new_short_minute; "short" "hour" try_new_short_hour;
        "short" "day" try_new_short_day; "short" "week" try_new_short_week; "short" "month" try_new_short_month;
        "short" "quarter" try_new_short_quarter; "short" "year" try_new_short_year;
        "narrow" "second" try_new_narrow_second; "narrow" "minute" try_new_narrow_minute; "narrow" "hour" try_new_narrow_hour;
        "narrow" "day" try_new_narrow_day; "narrow" "week" try_new_narrow_week; "narrow" "month" try_new_narrow_month;
        "narrow" "quarter" try_new_narrow_quarter; "narrow" "year" try_new_narrow_year;
    };
    formatter.map_err(|_| unsupported(format!("relative times in {}", spec.locale)))
}

/// A time as seen from now: `(spec, number as text) -> parts`.
pub(super) fn relative(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let mut arguments = Arguments::new(arguments);
    let spec = arguments.text()?;
    let in_words = spec.ends_with("\"auto\":true}");
    let formatter = built("relative", spec, relative_formatter)?;
    let mut number: Decimal = arguments.text()?.parse().map_err(|_| {
        OpError::new("RangeError", "Value need to be finite number for Intl.RelativeTimeFormat")
    })?;
    number.round(-3);
    number.absolute.trim_end();
    if in_words && number.absolute.is_zero() {
        number.set_sign(Sign::None);
    }
    Ok(value(Parts::of(&formatter.format(number))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CollatorSpec {
    locale: String,
    sensitivity: String,
    ignore_punctuation: bool,
    numeric: bool,
    case_first: String,
}

fn collator(spec: CollatorSpec) -> Result<CollatorBorrowed<'static>, OpError> {
    let mut preferences = CollatorPreferences::from(&locale::parse(&spec.locale)?);
    preferences.numeric_ordering =
        Some(if spec.numeric { CollationNumericOrdering::True } else { CollationNumericOrdering::False });
    match spec.case_first.as_str() {
        "upper" => preferences.case_first = Some(CollationCaseFirst::Upper),
        "lower" => preferences.case_first = Some(CollationCaseFirst::Lower),
        _ => {}
    }
    let mut options = CollatorOptions::default();
    options.strength = Some(match spec.sensitivity.as_str() {
        "base" | "case" => Strength::Primary,
        "accent" => Strength::Secondary,
        _ => Strength::Tertiary,
    });
    if spec.sensitivity == "case" {
        options.case_level = Some(CaseLevel::On);
    }
    if spec.ignore_punctuation {
        options.alternate_handling = Some(AlternateHandling::Shifted);
    }
    CollatorBorrowed::try_new(preferences, options)
        .map_err(|_| unsupported(format!("collation in {}", spec.locale)))
}

/// Compares two texts: `(spec, left, right) -> -1, 0 or 1`.
pub(super) fn compare(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let mut arguments = Arguments::new(arguments);
    let collator = built("collator", arguments.text()?, collator)?;
    let order = collator.compare(&arguments.text()?, &arguments.text()?);
    Ok(OpValue::Number(f64::from(order as i8)))
}

/// Cuts a text: `(granularity, text) -> [end of the first segment in UTF-16, whether it is a word, end of the second…]`.
pub(super) fn segments(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let mut arguments = Arguments::new(arguments);
    let (granularity, text) = (arguments.text()?, arguments.text()?);
    let ends: Vec<(usize, bool)> = match granularity.as_str() {
        "word" => WordSegmenter::new_auto(WordBreakInvariantOptions::default())
            .segment_str(&text)
            .iter_with_word_type()
            .map(|(end, kind)| (end, kind.is_word_like()))
            .collect(),
        "sentence" => SentenceSegmenter::new(SentenceBreakInvariantOptions::default())
            .segment_str(&text)
            .map(|end| (end, false))
            .collect(),
        _ => GraphemeClusterSegmenter::new().segment_str(&text).map(|end| (end, false)).collect(),
    };
    let (mut start, mut units) = (0, 0);
    let mut flat = Vec::with_capacity(ends.len() * 2);
    for (end, is_word) in ends {
        // The first boundary is the beginning of the text.
        if end == 0 {
            continue;
        }
        units += text[start..end].encode_utf16().count();
        start = end;
        flat.push(OpValue::Number(units as f64));
        flat.push(OpValue::Bool(is_word));
    }
    Ok(OpValue::List(flat))
}

/// Changes the case by the customs of a language: `(locale, upper, text) -> text`.
pub(super) fn case(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let mut arguments = Arguments::new(arguments);
    let (locale, upper, text) = (locale::parse(&arguments.text()?)?, arguments.flag()?, arguments.text()?);
    let mapper = CaseMapper::new();
    let changed = match upper {
        true => mapper.uppercase_to_string(&text, &locale.id),
        false => mapper.lowercase_to_string(&text, &locale.id),
    };
    Ok(OpValue::String(changed.into_owned()))
}
