//! Addresses, and forms as they are written in them.

use url::{Url, form_urlencoded, quirks};

use super::arguments::{Arguments, list_of_pairs};
use crate::js::op::{Op, OpError, OpResult, OpTable, OpValue};
use crate::js::state::OpState;

pub(super) const OPS: OpTable = &[
    ("url_parse", Op::Sync(parse)),
    ("url_set", Op::Sync(set)),
    ("form_parse", Op::Sync(form_parse)),
    ("form_serialize", Op::Sync(form_serialize)),
];

/// `(input, base?)` → the parts, or `null`.
fn parse(_: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let mut args = Arguments::new(args);
    let (input, base) = (args.text()?, args.optional_text()?);
    let url = match base {
        None => Url::parse(&input),
        Some(base) => Url::parse(&base).and_then(|base| base.join(&input)),
    };
    Ok(url.map_or(OpValue::Null, |url| parts(&url)))
}

/// `(href, part, value)` → the parts with one of them changed; `null` if that is no part's value.
fn set(_: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let mut args = Arguments::new(args);
    let (href, part, value) = (args.text()?, args.text()?, args.text()?);
    let Ok(mut url) = Url::parse(&href) else { return Ok(OpValue::Null) };
    let done = match part.as_str() {
        "href" => quirks::set_href(&mut url, &value).map_err(|_| ()),
        "protocol" => quirks::set_protocol(&mut url, &value),
        "username" => quirks::set_username(&mut url, &value),
        "password" => quirks::set_password(&mut url, &value),
        "host" => quirks::set_host(&mut url, &value),
        "hostname" => quirks::set_hostname(&mut url, &value),
        "port" => quirks::set_port(&mut url, &value),
        "pathname" => {
            quirks::set_pathname(&mut url, &value);
            Ok(())
        }
        "search" => {
            quirks::set_search(&mut url, &value);
            Ok(())
        }
        "hash" => {
            quirks::set_hash(&mut url, &value);
            Ok(())
        }
        "params" => {
            url.set_query(Some(value.as_str()).filter(|query| !query.is_empty()));
            Ok(())
        }
        part => return Err(OpError::type_error(format!("An address has no part {part:?}."))),
    };
    Ok(done.map_or(OpValue::Null, |()| parts(&url)))
}

/// In the order in which `url.js` numbers them.
fn parts(url: &Url) -> OpValue {
    let text = |text: &str| OpValue::String(text.to_owned());
    OpValue::List(vec![
        text(url.as_str()),
        OpValue::String(quirks::origin(url)),
        text(quirks::protocol(url)),
        text(quirks::username(url)),
        text(quirks::password(url)),
        text(quirks::host(url)),
        text(quirks::hostname(url)),
        text(quirks::port(url)),
        text(quirks::pathname(url)),
        text(quirks::search(url)),
        text(quirks::hash(url)),
    ])
}

fn form_parse(_: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let query = Arguments::new(args).text()?;
    Ok(list_of_pairs(form_urlencoded::parse(query.as_bytes())))
}

fn form_serialize(_: &mut OpState, args: Vec<OpValue>) -> OpResult {
    let pairs = Arguments::new(args).pairs()?;
    Ok(OpValue::String(form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()))
}
