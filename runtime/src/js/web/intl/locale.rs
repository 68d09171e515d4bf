//! Locales: canonical names, what is supported, likely subtags, display names.

use icu::experimental::displaynames::DisplayNamesOptions;
use icu::experimental::displaynames::multi::{
    LanguageDisplayNames, LocaleDisplayNamesFormatter, RegionDisplayNames, ScriptDisplayNames,
};
use icu::locale::{Locale, LocaleCanonicalizer, LocaleExpander};

use super::{texts, unsupported};
use crate::js::op::{OpError, OpResult, OpValue};
use crate::js::state::OpState;
use crate::js::web::arguments::Arguments;

/// A locale by its name.
pub(super) fn parse(name: &str) -> Result<Locale, OpError> {
    Locale::try_from_str(name)
        .map_err(|_| OpError::new("RangeError", "Incorrect locale information provided"))
}

/// A canonical locale, taken apart: `(name) -> { name, language, script, region, variants, keywords }`.
pub(super) fn canonicalize(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let name = Arguments::new(arguments).text()?;
    let mut locale = parse(&name)?;
    LocaleCanonicalizer::new_extended().canonicalize(&mut locale);
    Ok(describe(&locale))
}

fn describe(locale: &Locale) -> OpValue {
    let text = |value: Option<String>| value.map_or(OpValue::Undefined, OpValue::String);
    let keywords = locale.extensions.unicode.keywords.iter().map(|(key, value)| {
        let value = value.to_string();
        (key.to_string(), OpValue::String(value))
    });
    OpValue::Record(vec![
        ("name".to_owned(), OpValue::String(locale.to_string())),
        ("language".to_owned(), OpValue::String(locale.id.language.to_string())),
        ("script".to_owned(), text(locale.id.script.map(|script| script.to_string()))),
        ("region".to_owned(), text(locale.id.region.map(|region| region.to_string()))),
        ("baseName".to_owned(), OpValue::String(locale.id.to_string())),
        ("keywords".to_owned(), OpValue::Record(keywords.collect())),
    ])
}

/// Languages with data: those of the recommended set of CLDR.
const LANGUAGES: &str = "af am ar as az be bg bn bs ca cs cy da de el en es et eu fa fi fil fr ga gl gu he hi hr hu hy id ig is \
    it ja ka kk km kn ko kok ky lo lt lv mk ml mn mr ms my nb ne nl nn no or pa pcm pl ps pt ro ru sd si sk sl so sq sr sv sw ta \
    te th tk tr uk ur uz vi yo yue zh zu";

/// Whether there are data for a language: `(language) -> boolean`.
pub(super) fn supported(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let language = Arguments::new(arguments).text()?;
    Ok(OpValue::Bool(LANGUAGES.split_whitespace().any(|known| known == language)))
}

/// Adds or takes away likely subtags: `(name, maximize) -> name`.
pub(super) fn likely(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let mut arguments = Arguments::new(arguments);
    let mut locale = parse(&arguments.text()?)?;
    let expander = LocaleExpander::new_extended();
    if arguments.flag()? {
        expander.maximize(&mut locale.id);
    } else {
        expander.minimize(&mut locale.id);
    }
    Ok(describe(&locale))
}

/// The name of something in a language: `(locale, type, code) -> [name]`, or an empty list where there is none.
pub(super) fn display_name(_: &mut OpState, arguments: Vec<OpValue>) -> OpResult {
    let mut arguments = Arguments::new(arguments);
    let (name, kind, code) = (arguments.text()?, arguments.text()?, arguments.text()?);
    let locale = parse(&name)?;
    let invalid = || OpError::new("RangeError", format!("Invalid argument to Intl.DisplayNames: {code}"));
    let failed = |_| unsupported(format!("names in {name}"));
    let options = DisplayNamesOptions::default;
    let found = match kind.as_str() {
        "region" => {
            let names = RegionDisplayNames::try_new(locale.into(), options()).map_err(failed)?;
            names.of(code.parse().map_err(|_| invalid())?).map(str::to_owned)
        }
        "script" => {
            let names = ScriptDisplayNames::try_new(locale.into(), options()).map_err(failed)?;
            names.of(code.parse().map_err(|_| invalid())?).map(str::to_owned)
        }
        "language" => match code.parse::<icu::locale::subtags::Language>() {
            Ok(language) => {
                let names = LanguageDisplayNames::try_new(locale.into(), options()).map_err(failed)?;
                names.of(language).map(str::to_owned)
            }
            Err(_) => {
                let names = LocaleDisplayNamesFormatter::try_new(locale.into(), options()).map_err(failed)?;
                Some(names.of(&code.parse().map_err(|_| invalid())?).into_owned())
            }
        },
        _ => return Err(unsupported(format!("names of the type {kind}"))),
    };
    Ok(texts(found))
}
