//! What was built for a spec, kept per thread.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde::de::DeserializeOwned;

use crate::js::op::OpError;

/// Most built things that a thread keeps; when there are more it starts anew.
const BUILT_MAX: usize = 256;

/// By kind and spec.
type Built = HashMap<(&'static str, String), Rc<dyn Any>>;

thread_local! {
    static BUILT: RefCell<Built> = RefCell::new(HashMap::new());
}

/// The thing that a spec describes: as it was built before, or built now.
pub(super) fn built<S: DeserializeOwned, T: 'static>(
    kind: &'static str,
    spec: String,
    build: impl FnOnce(S) -> Result<T, OpError>,
) -> Result<Rc<T>, OpError> {
    let key = (kind, spec);
    let known = BUILT.with_borrow(|built| built.get(&key).cloned());
    if let Some(Ok(known)) = known.map(Rc::downcast) {
        return Ok(known);
    }
    let options = serde_json::from_str(&key.1)
        .map_err(|error| OpError::type_error(format!("The options of Intl cannot be read: {error}")))?;
    let thing = Rc::new(build(options)?);
    BUILT.with_borrow_mut(|built| {
        if built.len() >= BUILT_MAX {
            built.clear();
        }
        built.insert(key, thing.clone());
    });
    Ok(thing)
}
