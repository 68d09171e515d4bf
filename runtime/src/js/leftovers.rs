//! What an action had not waited for when it ended, as a warning in its log.

use std::collections::BTreeSet;

/// The warning; `None` if nothing is worth one. `ops` are the async ops that are under way.
pub(super) fn unawaited(ops: &[String]) -> Option<String> {
    let names: Vec<&str> = ops.iter().filter_map(|op| operation(op)).collect();
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    let plural = match names.len() {
        0 => return None,
        1 => "",
        _ => "s",
    };
    let distinct: Vec<&str> = distinct.into_iter().collect();
    Some(format!(
        "{} unawaited operation{plural}: [{}]. Async operations should be awaited or they might not run. See https://docs.convex.dev/functions/actions#dangling-promises for more information.",
        names.len(),
        distinct.join(", ")
    ))
}

/// What an op is to the one who wrote the action; `None` for what needs no waiting: timers, and what belongs to an
/// operation that is named itself.
fn operation(op: &str) -> Option<&str> {
    match op.split_once(' ') {
        Some(("asyncSyscall", call)) => {
            let name = call.strip_prefix("1.0/").unwrap_or(call);
            Some(name.strip_prefix("actions/").unwrap_or(name))
        }
        Some(("storeBlob", _)) => Some("storageStore"),
        Some(("getBlob", _)) => Some("storageGet"),
        _ if op == "fetch_send" => Some("fetch"),
        _ if op == "storeBlob" => Some("storageStore"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_and_named_once() {
        let ops = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let first =
            |names: &[&str]| unawaited(&ops(names)).map(|text| text.split('.').next().unwrap().to_owned());
        assert_eq!(first(&[]), None);
        assert_eq!(first(&["timer_wait", "body_read"]), None);
        assert_eq!(first(&["fetch_send"]).as_deref(), Some("1 unawaited operation: [fetch]"));
        let several =
            ["fetch_send", "asyncSyscall 1.0/actions/query", "timer_wait", "fetch_send", "storeBlob"];
        assert_eq!(
            unawaited(&ops(&several))
                .map(|text| text.contains("4 unawaited operations: [fetch, query, storageStore]. ")),
            Some(true)
        );
    }
}
