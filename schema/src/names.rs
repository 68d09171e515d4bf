//! The rules for names of tables, indexes, arguments and object fields, and the limits of values.

/// Longest name of a table, index, argument or schema field, in characters.
pub const IDENTIFIER_LENGTH_MAX: usize = 64;
/// Longest name of an object field, in bytes.
pub const FIELD_NAME_LENGTH_MAX: usize = 1024;
/// Most fields of one object.
pub const OBJECT_FIELDS_MAX: usize = 1024;
/// Most elements of one array.
pub const ARRAY_LENGTH_MAX: usize = 8192;
/// Deepest nesting of a value (arguments, results).
pub const VALUE_NESTING_MAX: usize = 64;
/// Deepest nesting of a document.
pub const DOCUMENT_NESTING_MAX: usize = 16;
/// Largest document, in bytes of [`crate::Value::size`].
pub const DOCUMENT_SIZE_MAX: usize = 1 << 20;
/// Largest arguments or return value of a function, in bytes of [`crate::Value::size`].
pub const FUNCTION_VALUE_SIZE_MAX: usize = 16 << 20;

/// Checks a name of a table, index, argument or schema field: `[A-Za-z_][A-Za-z0-9_]*`, at most 64
/// characters, not only underscores. The error says what is wrong and quotes the name.
pub fn check_identifier(name: &str) -> Result<(), String> {
    let mut bytes = name.bytes();
    let Some(first) = bytes.next() else {
        return Err("Identifier cannot be empty.".to_owned());
    };
    if !(first.is_ascii_alphabetic() || first == b'_') {
        return Err(format!(
            "Identifier \"{name}\" is invalid: it must start with a letter or an underscore."
        ));
    }
    if !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(format!(
            "Identifier \"{name}\" is invalid: it may only contain ASCII letters, digits and underscores."
        ));
    }
    if name.len() > IDENTIFIER_LENGTH_MAX {
        return Err(format!(
            "Identifier \"{name}\" is too long: {} characters, at most {IDENTIFIER_LENGTH_MAX} are allowed.",
            name.len()
        ));
    }
    if name.bytes().all(|byte| byte == b'_') {
        return Err(format!("Identifier \"{name}\" is invalid: it must not consist of underscores only."));
    }
    Ok(())
}

/// Checks the name of an object field: ASCII 0x20–0x7E, not starting with `$`, at most 1024 bytes; it may be
/// empty. The error says what is wrong and quotes the name.
pub fn check_field_name(name: &str) -> Result<(), String> {
    if name.starts_with('$') {
        return Err(format!("Field name \"{name}\" starts with '$', which is reserved."));
    }
    if !name.bytes().all(|byte| (0x20..=0x7E).contains(&byte)) {
        return Err(format!(
            "Field name {name:?} has invalid characters: names may only contain non-control ASCII characters."
        ));
    }
    if name.len() > FIELD_NAME_LENGTH_MAX {
        return Err(format!(
            "Field name is too long: {} bytes, at most {FIELD_NAME_LENGTH_MAX} are allowed.",
            name.len()
        ));
    }
    Ok(())
}
