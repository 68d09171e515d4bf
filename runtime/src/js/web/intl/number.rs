//! Numbers: decimals, percentages, amounts of money, measures, compact and scientific notation.
//!
//! Digits, separators and signs come from the decimal formatter. What surrounds them (symbols, names, units) is taken from
//! what ICU4X writes around a number of its own, because rounding, signs and parts follow ECMA-402 here.

use fixed_decimal::{Decimal, Sign, SignDisplay, SignedRoundingMode, UnsignedRoundingMode};
use icu::decimal::options::{CompactDecimalFormatterOptions, DecimalFormatterOptions, GroupingStrategy};
use icu::decimal::{CompactDecimalFormatter, DecimalFormatter};
use icu::experimental::dimension::currency::CurrencyType;
use icu::experimental::dimension::currency::formatter::CurrencyFormatter;
use icu::experimental::dimension::currency::options::{CurrencyFormatterOptions, CurrencyUsage};
use icu::experimental::dimension::percent::formatter::PercentFormatter;
use icu::locale::Locale;
use icu::plurals::PluralRules;
use serde::Deserialize;
use writeable::Writeable;

use super::cache::built;
use super::parts::{Parts, Piece, value};
use super::{locale, unsupported};
use crate::js::op::{OpError, OpResult, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;

/// Resolved options of `Intl.NumberFormat`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    locale: String,
    style: String,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    currency_display: String,
    #[serde(default)]
    currency_sign: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    unit_display: String,
    notation: String,
    #[serde(default)]
    compact_display: String,
    sign_display: String,
    /// `always`, `auto`, `min2` or `false`.
    use_grouping: String,
    #[serde(flatten)]
    digits: Digits,
}

/// How a number is rounded and padded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Digits {
    minimum_integer_digits: i16,
    minimum_fraction_digits: Option<i16>,
    maximum_fraction_digits: Option<i16>,
    minimum_significant_digits: Option<i16>,
    maximum_significant_digits: Option<i16>,
    #[serde(default)]
    rounding_mode: String,
    #[serde(default)]
    rounding_priority: String,
    #[serde(default)]
    trailing_zero_display: String,
}

impl Digits {
    pub(super) fn apply(&self, number: &mut Decimal) {
        self.round(number);
        if self.trailing_zero_display == "stripIfInteger" {
            number.absolute.trim_end_if_integer();
        }
        number.absolute.trim_start();
        number.absolute.pad_start(self.minimum_integer_digits);
    }

    fn round(&self, number: &mut Decimal) {
        let mode = self.mode();
        let fraction = self.minimum_fraction_digits.zip(self.maximum_fraction_digits);
        let significant = self.minimum_significant_digits.zip(self.maximum_significant_digits);
        let by_fraction = |number: &mut Decimal, (min, max): (i16, i16)| {
            number.round_with_mode(-max, mode);
            number.absolute.trim_end();
            number.absolute.pad_end(-min);
        };
        let by_significant = |number: &mut Decimal, (min, max): (i16, i16)| {
            let start = number.absolute.nonzero_magnitude_start();
            number.round_with_mode(start - max + 1, mode);
            number.absolute.trim_end();
            let start = if number.absolute.is_zero() { 0 } else { number.absolute.nonzero_magnitude_start() };
            number.absolute.pad_end((start - min + 1).min(0));
        };
        match (fraction, significant) {
            (Some(fraction), Some(significant)) => {
                // The position of the last digit that each would keep.
                let start = number.absolute.nonzero_magnitude_start();
                let significant_is_finer = start - significant.1 < -fraction.1;
                if (self.rounding_priority == "morePrecision") == significant_is_finer {
                    by_significant(number, significant);
                } else {
                    by_fraction(number, fraction);
                }
            }
            (None, Some(significant)) => by_significant(number, significant),
            (Some(fraction), None) => by_fraction(number, fraction),
            // Compact notation by itself: two digits, or all of the integer.
            (None, None) => {
                let start = number.absolute.nonzero_magnitude_start();
                number.round_with_mode((start - 1).min(0), mode);
                number.absolute.trim_end();
            }
        }
    }

    fn mode(&self) -> SignedRoundingMode {
        use UnsignedRoundingMode::{Expand, HalfEven, HalfExpand, HalfTrunc, Trunc};
        match self.rounding_mode.as_str() {
            "ceil" => SignedRoundingMode::Ceil,
            "floor" => SignedRoundingMode::Floor,
            "expand" => SignedRoundingMode::Unsigned(Expand),
            "trunc" => SignedRoundingMode::Unsigned(Trunc),
            "halfCeil" => SignedRoundingMode::HalfCeil,
            "halfFloor" => SignedRoundingMode::HalfFloor,
            "halfTrunc" => SignedRoundingMode::Unsigned(HalfTrunc),
            "halfEven" => SignedRoundingMode::Unsigned(HalfEven),
            _ => SignedRoundingMode::Unsigned(HalfExpand),
        }
    }
}

/// What stands around the digits.
enum Frame {
    None,
    Percent(PercentFormatter<DecimalFormatter>),
    Currency(CurrencyFormatter<DecimalFormatter>),
    Unit(super::text::Unit),
}

/// A `NumberFormat`.
struct Number {
    digits: Digits,
    style: String,
    notation: String,
    group_always: bool,
    sign: SignDisplay,
    decimal: DecimalFormatter,
    compact: Option<CompactDecimalFormatter>,
    plurals: PluralRules,
    frame: Frame,
}

impl Number {
    fn new(spec: Spec) -> Result<Self, OpError> {
        let locale = locale::parse(&spec.locale)?;
        let failed =
            |error: icu_provider::DataError| unsupported(format!("numbers in {}: {error}", spec.locale));
        let grouping = match spec.use_grouping.as_str() {
            "false" => GroupingStrategy::Never,
            "always" => GroupingStrategy::Always,
            "min2" => GroupingStrategy::Min2,
            _ => GroupingStrategy::Auto,
        };
        let decimal = DecimalFormatter::try_new((&locale).into(), DecimalFormatterOptions::from(grouping));
        let compact = match (spec.notation.as_str(), spec.compact_display.as_str()) {
            ("compact", "long") => Some(CompactDecimalFormatter::try_new_long(
                (&locale).into(),
                CompactDecimalFormatterOptions::from(GroupingStrategy::Never),
            )),
            ("compact", _) => Some(CompactDecimalFormatter::try_new_short(
                (&locale).into(),
                CompactDecimalFormatterOptions::from(GroupingStrategy::Never),
            )),
            _ => None,
        };
        Ok(Self {
            decimal: decimal.map_err(failed)?,
            compact: compact.transpose().map_err(failed)?,
            plurals: PluralRules::try_new_cardinal((&locale).into()).map_err(failed)?,
            frame: Self::frame(&spec, &locale)?,
            group_always: spec.use_grouping == "always",
            sign: match spec.sign_display.as_str() {
                "never" => SignDisplay::Never,
                "always" => SignDisplay::Always,
                "exceptZero" => SignDisplay::ExceptZero,
                "negative" => SignDisplay::Negative,
                _ => SignDisplay::Auto,
            },
            digits: spec.digits,
            style: spec.style,
            notation: spec.notation,
        })
    }

    fn frame(spec: &Spec, locale: &Locale) -> Result<Frame, OpError> {
        let failed = |error: icu_provider::DataError| {
            unsupported(format!("{} in {}: {error}", spec.style, spec.locale))
        };
        match spec.style.as_str() {
            "percent" => PercentFormatter::try_new(locale.into(), Default::default())
                .map(Frame::Percent)
                .map_err(failed),
            "currency" => {
                let code = CurrencyType::try_from_str(&spec.currency)
                    .map_err(|_| unsupported(format!("the currency {}", spec.currency)))?;
                let usage = match spec.currency_sign.as_str() {
                    "accounting" => CurrencyUsage::Accounting,
                    _ => CurrencyUsage::Standard,
                };
                let options = CurrencyFormatterOptions::from(usage);
                match spec.currency_display.as_str() {
                    "code" => CurrencyFormatter::try_new_code(locale.into(), code, options),
                    "name" => CurrencyFormatter::try_new_name(locale.into(), code),
                    "narrowSymbol" => CurrencyFormatter::try_new_symbol_narrow(locale.into(), code, options),
                    _ => CurrencyFormatter::try_new_symbol(locale.into(), code, options),
                }
                .map(Frame::Currency)
                .map_err(failed)
            }
            "unit" if spec.unit == "percent" => PercentFormatter::try_new(locale.into(), Default::default())
                .map(Frame::Percent)
                .map_err(failed),
            "unit" => super::text::Unit::load(locale, &spec.unit, &spec.unit_display).map(Frame::Unit),
            _ => Ok(Frame::None),
        }
    }

    fn format(&self, text: &str) -> Result<Vec<Piece>, OpError> {
        let (negative, magnitude) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let special = match magnitude {
            "NaN" => Some(("nan", "NaN")),
            "Infinity" => Some(("infinity", "∞")),
            _ => None,
        };
        let mut number: Decimal = match special {
            Some(_) => Decimal::from(1),
            None => {
                magnitude.parse().map_err(|_| OpError::new("RangeError", format!("{text} is no number")))?
            }
        };
        number.set_sign(if negative { Sign::Negative } else { Sign::None });
        if self.style == "percent" {
            number.multiply_pow10(2);
        }

        let mut core = Vec::new();
        let mut after = Vec::new();
        if let Some((kind, text)) = special {
            core.push((kind, text.to_owned()));
            if kind == "nan" {
                number = Decimal::from(0);
            }
        } else if let Some(compact) = &self.compact {
            let exponent = self.compact_exponent(compact, &mut number);
            core = self.unsigned(&number);
            let whole = compact_text(compact, &number, exponent)?;
            if exponent > 0 && !whole.contains(char::is_numeric) {
                core.clear();
            }
            frame_pieces(after_digits(&whole), "compact", &mut after);
        } else if self.notation == "scientific" || self.notation == "engineering" {
            let exponent = self.scientific_exponent(&mut number);
            core = self.unsigned(&number);
            core.push(("exponentSeparator", "E".to_owned()));
            if exponent < 0 {
                core.push(("exponentMinusSign", "-".to_owned()));
            }
            let plain =
                self.decimal.format(&Decimal::from(exponent.unsigned_abs())).write_to_string().into_owned();
            core.push(("exponentInteger", plain));
        } else {
            self.digits.apply(&mut number);
            core = self.unsigned(&number);
        }
        core.append(&mut after);
        number.apply_sign_display(self.sign);
        Ok(self.surround(&number, core))
    }

    /// The digits without a sign.
    fn unsigned(&self, number: &Decimal) -> Vec<Piece> {
        let mut pieces = Parts::of(&self.decimal.format(&number.clone().with_sign(Sign::None)));
        // Languages that leave four digits together do so even if grouping is asked for always.
        if let [("integer", digits), ..] = pieces.as_slice()
            && self.group_always
            && digits.chars().count() == 4
        {
            let million = Parts::of(&self.decimal.format(&Decimal::from(1_000_000)));
            let first = digits.chars().next().map_or(0, char::len_utf8);
            let (thousands, rest) = (digits[..first].to_owned(), digits[first..].to_owned());
            let group = million.into_iter().find(|(kind, _)| *kind == "group");
            pieces.splice(
                ..1,
                [Some(("integer", thousands)), group, Some(("integer", rest))].into_iter().flatten(),
            );
        }
        pieces
    }

    /// Scales and rounds a number for compact notation, and gives the power of ten that was taken out.
    fn compact_exponent(&self, compact: &CompactDecimalFormatter, number: &mut Decimal) -> u8 {
        let mut exponent = compact.compact_exponent_for_magnitude(number.absolute.nonzero_magnitude_start());
        loop {
            let mut scaled = number.clone();
            scaled.multiply_pow10(-i16::from(exponent));
            self.digits.apply(&mut scaled);
            let magnitude = scaled.absolute.nonzero_magnitude_start() + i16::from(exponent);
            let after = compact.compact_exponent_for_magnitude(magnitude);
            if after <= exponent {
                *number = scaled;
                return exponent;
            }
            // Rounding made it a thousand of something: begin again one step up.
            exponent = after;
        }
    }

    /// Scales and rounds a number for scientific notation, and gives the power of ten that was taken out.
    fn scientific_exponent(&self, number: &mut Decimal) -> i16 {
        let step = if self.notation == "engineering" { 3 } else { 1 };
        let floor = |magnitude: i16| magnitude.div_euclid(step) * step;
        let mut exponent =
            if number.absolute.is_zero() { 0 } else { floor(number.absolute.nonzero_magnitude_start()) };
        loop {
            let mut scaled = number.clone();
            scaled.multiply_pow10(-exponent);
            self.digits.apply(&mut scaled);
            let after = exponent + floor(scaled.absolute.nonzero_magnitude_start());
            if scaled.absolute.is_zero() || after <= exponent {
                *number = scaled;
                return exponent;
            }
            exponent = after;
        }
    }

    /// Puts the sign and the frame around the digits.
    fn surround(&self, number: &Decimal, core: Vec<Piece>) -> Vec<Piece> {
        let signed = Parts::of(&self.decimal.format(number));
        let is_sign = |(kind, _): &&Piece| *kind == "minusSign" || *kind == "plusSign";
        let at = signed.iter().position(|(kind, _)| *kind == "integer").unwrap_or(0);
        let mut before: Vec<Piece> = signed[..at].iter().filter(is_sign).cloned().collect();
        let mut behind: Vec<Piece> = signed[at..].iter().filter(is_sign).cloned().collect();

        let absolute = number.clone().with_sign(Sign::None);
        let (kind, whole) = match &self.frame {
            Frame::None => ("literal", None),
            Frame::Percent(percent) => {
                let kind = if self.style == "unit" { "unit" } else { "percentSign" };
                (kind, Some(percent.format(&absolute).write_to_string().into_owned()))
            }
            Frame::Currency(currency) => {
                let mut shown = absolute;
                if number.sign == Sign::Negative {
                    before.clear();
                    behind.clear();
                    shown.set_sign(Sign::Negative);
                }
                ("currency", Some(currency.format_fixed_decimal(&shown).write_to_string().into_owned()))
            }
            Frame::Unit(unit) => ("unit", Some(unit.around(&absolute, &self.plurals))),
        };
        let mut pieces = before;
        if let Some(whole) = whole {
            let placeholder = |character: char| character.is_numeric() || character == '\u{FFFC}';
            let start = whole.find(placeholder).unwrap_or(whole.len());
            let end = whole
                .rfind(placeholder)
                .map_or(whole.len(), |at| at + whole[at..].chars().next().map_or(0, char::len_utf8));
            frame_pieces(&whole[..start], kind, &mut pieces);
            // Some names say the number themselves.
            if whole.contains(placeholder) {
                pieces.extend(core);
            }
            frame_pieces(&whole[end..], kind, &mut pieces);
        } else {
            pieces.extend(core);
        }
        pieces.extend(behind);
        pieces
    }
}

/// What stands on one side of the digits, with spaces and brackets as literals of their own.
fn frame_pieces(text: &str, kind: &'static str, pieces: &mut Vec<Piece>) {
    let is_literal = |character: char| character.is_whitespace() || character == '(' || character == ')';
    let is_minus = |character: char| character == '-' || character == '\u{2212}';
    // Hyphens inside of names are not signs.
    let has_sign = kind == "currency" && text.trim_matches(is_literal).len() < 8;
    let mut last = None;
    for character in text.chars() {
        let inner = text.trim_matches(is_literal);
        let at_edge = !inner.contains(character) || character == '(' || character == ')';
        let piece = match character {
            character
                if is_literal(character) && (at_edge || kind == "currency" && character == '\u{a0}') =>
            {
                "literal"
            }
            character if has_sign && is_minus(character) => "minusSign",
            _ => kind,
        };
        match pieces.last_mut() {
            Some((_, text)) if last == Some(piece) => text.push(character),
            _ => pieces.push((piece, character.to_string())),
        }
        last = Some(piece);
    }
}

/// A number in compact notation; empty where it is written plainly.
fn compact_text(
    compact: &CompactDecimalFormatter,
    number: &Decimal,
    exponent: u8,
) -> Result<String, OpError> {
    if exponent == 0 {
        return Ok(String::new());
    }
    let number = number.clone().with_sign(Sign::None);
    let text = compact
        .format_with_exponent(&number, exponent)
        .map_err(|_| unsupported("such a compact number"))?
        .write_to_string()
        .into_owned();
    Ok(text)
}

/// What stands behind the last digit.
fn after_digits(text: &str) -> &str {
    match text.rfind(char::is_numeric) {
        Some(at) => &text[at + text[at..].chars().next().map_or(0, char::len_utf8)..],
        None => text,
    }
}

/// Formats a number: `(spec, number as text) -> parts`.
pub(super) fn format(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let mut arguments = Arguments::new(arguments);
    let number = built("number", arguments.text()?, Number::new)?;
    number.format(&arguments.text()?).map(value)
}
