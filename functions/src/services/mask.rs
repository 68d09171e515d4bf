//! Hiding what must not be read in a log: keys, tokens, e-mail addresses and telephone numbers.

/// Beginnings of words that are keys.
const KEY_PREFIXES: [&str; 8] = ["sk-", "pk-", "rk_", "sk_", "pk_", "whsec_", "AKIA", "eyJ"];
/// The shortest word that can be a key, in bytes.
const KEY_LENGTH_MIN: usize = 12;
/// A word of at least this many letters and digits, mixed, is taken for a secret.
const MIXED_LENGTH_MIN: usize = 32;
/// A number of at least this many digits, separators not counted, is taken for a telephone or card number.
const DIGITS_MIN: usize = 7;

/// The text with keys, tokens, e-mail addresses and long numbers replaced. Words stay apart by one space as they
/// were by any white space.
pub fn mask(text: &str) -> String {
    let mut words = Vec::new();
    let mut number: Vec<&str> = Vec::new();
    // Numbers may be written in groups: `+43 660 123 45 67`.
    for word in text.split_whitespace() {
        if is_number_part(word) {
            number.push(word);
            continue;
        }
        end_number(&mut number, &mut words);
        words.push(mask_word(word));
    }
    end_number(&mut number, &mut words);
    words.join(" ")
}

fn is_number_part(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_digit() || b"+-()/.,;:".contains(&byte))
}

fn end_number(number: &mut Vec<&str>, words: &mut Vec<String>) {
    let digits = number.iter().flat_map(|part| part.bytes()).filter(u8::is_ascii_digit).count();
    if digits >= DIGITS_MIN {
        words.push("[number]".to_owned());
    } else {
        words.extend(number.iter().map(|part| (*part).to_owned()));
    }
    number.clear();
}

fn mask_word(word: &str) -> String {
    let core = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '_' && c != '+');
    if core.is_empty() {
        return word.to_owned();
    }
    let at = core.find('@');
    let replacement = if at.is_some_and(|at| at > 0 && core[at + 1..].contains('.')) {
        "[email]"
    } else if is_secret(core) {
        "[secret]"
    } else {
        return word.to_owned();
    };
    word.replacen(core, replacement, 1)
}

fn is_secret(word: &str) -> bool {
    // In `key=…`, `token:…`, `"key":"…"` the secret is the last part.
    word.split(['=', ':', '"', '\'', ',']).any(|part| {
        let prefixed =
            part.len() >= KEY_LENGTH_MIN && KEY_PREFIXES.iter().any(|prefix| part.starts_with(prefix));
        let mixed = part.len() >= MIXED_LENGTH_MIN
            && part.bytes().any(|byte| byte.is_ascii_digit())
            && part.bytes().any(|byte| byte.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+/=".contains(&byte));
        prefixed || mixed
    })
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn keys_addresses_and_numbers_are_hidden() {
        for (text, masked) in [
            ("Incorrect API key provided: sk-proj-abcdef123456.", "Incorrect API key provided: [secret]."),
            ("from <ada@example.org>, please", "from <[email]>, please"),
            ("call +43 660 123 45 67 now", "call [number] now"),
            ("call +436601234567.", "call [number]"),
            ("token=eyJhbGciOiJFZERTQSJ9.e30.abc", "[secret]"),
            ("Bearer 0123456789abcdef0123456789abcdef", "Bearer [secret]"),
            ("status 429, try again in 20 s", "status 429, try again in 20 s"),
            ("a model named gpt-4o-mini  costs 10.50", "a model named gpt-4o-mini costs 10.50"),
            ("@ … ü", "@ … ü"),
        ] {
            assert_eq!(mask(text), masked, "{text}");
        }
    }
}
