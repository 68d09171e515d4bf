//! Values between QuickJS and the host.

use std::ptr::NonNull;

use rquickjs::{
    Array, ArrayBuffer, Ctx, FromJs, Function, IntoJs, Null, Object, TypedArray, Undefined, Value,
};

use crate::js::op::{OpError, OpValue};

/// Deepest nesting of arrays and objects.
const DEPTH_MAX: usize = 64;

/// What the host sees of a script's value. `is_view` is the context's own `ArrayBuffer.isView`.
pub(super) fn from_js<'js>(value: &Value<'js>, is_view: &Function<'js>) -> Result<OpValue, OpError> {
    read(value, is_view, DEPTH_MAX)
}

fn read<'js>(value: &Value<'js>, is_view: &Function<'js>, depth: usize) -> Result<OpValue, OpError> {
    if value.is_undefined() {
        return Ok(OpValue::Undefined);
    }
    if value.is_null() {
        return Ok(OpValue::Null);
    }
    if let Some(value) = value.as_bool() {
        return Ok(OpValue::Bool(value));
    }
    if let Some(value) = value.as_number() {
        return Ok(OpValue::Number(value));
    }
    if let Some(text) = value.as_string() {
        return text
            .to_string()
            .map(OpValue::String)
            .map_err(|_| OpError::type_error("A string with a lone surrogate was given to the host."));
    }
    let unreadable = || OpError::type_error("A value was given to the host that cannot be read.");
    if depth == 0 {
        return Err(OpError::type_error("A value was given to the host that is nested too deeply."));
    }
    if let Some(array) = value.as_array() {
        let items = array.iter::<Value<'js>>();
        return items
            .map(|item| read(&item.map_err(|_| unreadable())?, is_view, depth - 1))
            .collect::<Result<_, _>>()
            .map(OpValue::List);
    }
    let kind = value.type_name();
    let Some(object) = value.as_object().filter(|_| !value.is_function()) else {
        return Err(OpError::type_error(format!("A {kind} cannot be given to the host.")));
    };
    if let Some(buffer) = ArrayBuffer::from_value(value.clone()) {
        return copy(buffer.as_raw(), 0, buffer.len()).ok_or_else(detached);
    }
    if let Ok(bytes) = TypedArray::<u8>::from_value(value.clone()) {
        return copy(bytes.as_raw(), 0, bytes.len()).ok_or_else(detached);
    }
    if is_view.call::<_, bool>((value.clone(),)).unwrap_or(false) {
        return view(object).ok_or_else(detached);
    }
    let mut fields = Vec::new();
    for property in object.props::<String, Value<'js>>() {
        let (name, value) = property.map_err(|_| unreadable())?;
        fields.push((name, read(&value, is_view, depth - 1)?));
    }
    Ok(OpValue::Record(fields))
}

fn detached() -> OpError {
    OpError::type_error("The buffer given to the host is detached.")
}

/// The bytes that a view other than a `Uint8Array` shows.
fn view(object: &Object<'_>) -> Option<OpValue> {
    let buffer: ArrayBuffer<'_> = object.get("buffer").ok()?;
    let offset: usize = object.get("byteOffset").ok()?;
    let length: usize = object.get("byteLength").ok()?;
    copy(buffer.as_raw(), offset, length)
}

/// A copy of a part of a buffer's memory.
#[expect(unsafe_code, reason = "the binding has no safe way to read a buffer at once")]
fn copy(memory: Option<NonNull<[u8]>>, offset: usize, length: usize) -> Option<OpValue> {
    // SAFETY: the pointer is the engine's own to a buffer that a live value holds, and no script runs, which alone
    // could move or write it, between getting the pointer and the end of the copy.
    let bytes = unsafe { memory?.as_ref() };
    Some(OpValue::Bytes(bytes.get(offset..offset.checked_add(length)?)?.to_vec()))
}

/// What a script sees of the host's value.
pub(super) fn to_js<'js>(ctx: &Ctx<'js>, value: OpValue) -> rquickjs::Result<Value<'js>> {
    match value {
        OpValue::Undefined => Undefined.into_js(ctx),
        OpValue::Null => Null.into_js(ctx),
        OpValue::Bool(value) => value.into_js(ctx),
        OpValue::Number(value) => value.into_js(ctx),
        OpValue::String(text) => text.into_js(ctx),
        // A copy in the script's memory, which its limit counts.
        OpValue::Bytes(bytes) => Ok(TypedArray::<u8>::new_copy(ctx.clone(), bytes)?.into_value()),
        OpValue::List(values) => {
            let array = Array::new(ctx.clone())?;
            for (index, value) in values.into_iter().enumerate() {
                array.set(index, to_js(ctx, value)?)?;
            }
            Ok(array.into_value())
        }
        OpValue::Record(fields) => {
            let object = Object::new(ctx.clone())?;
            for (name, value) in fields {
                object.set(name, to_js(ctx, value)?)?;
            }
            Ok(object.into_value())
        }
    }
}

/// A value's text as `String(value)` gives it; empty if even that throws.
pub(super) fn text<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> String {
    rquickjs::Coerced::<String>::from_js(ctx, value.clone()).map_or_else(
        |_| {
            ctx.catch();
            String::new()
        },
        |text| text.0,
    )
}
