//! Saying what a push changes.

use serde_json::Value as Json;

use super::wire::{Index, IndexDiff, StartPush};
use crate::bundle::Bundle;

/// From how many documents a table is large: filling its indexes takes a while.
pub(super) const LARGE_TABLE_DOCUMENTS: f64 = 100_000.0;

/// What is sent.
pub(super) fn upload(request: &StartPush<'_>, bundle: &Bundle) -> String {
    let changed = &request.app_definition.changed_modules;
    let bytes: usize = changed
        .iter()
        .map(|module| module.source.len() + module.source_map.as_ref().map_or(0, String::len))
        .sum();
    let mut text = format!(
        "Sending {} of {} modules ({} kB; {} known to the deployment):",
        changed.len(),
        bundle.modules.len(),
        bytes.div_ceil(1000),
        request.app_definition.unchanged_module_hashes.len(),
    );
    for module in changed {
        text.push_str(&format!("\n  {} ({} kB)", module.path, module.source.len().div_ceil(1000)));
    }
    text
}

/// What changed: a text for each kind of change.
pub(super) fn changes(started: &Json, finished: &Json, dry_run: bool, verbose: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let diff = started.get("schemaChange").unwrap_or(&Json::Null);
    let diff = IndexDiff::of(diff);
    let (staged, added): (Vec<_>, Vec<_>) = diff.added_indexes.iter().partition(|index| index.staged);
    let (would, done) = if dry_run { ("Would ", true) } else { ("", false) };
    let verb =
        |infinitive: &str, past: &str| if done { format!("{would}{infinitive}") } else { past.to_owned() };
    let removed: Vec<_> = diff.removed_indexes.iter().collect();
    let enabled: Vec<_> = diff.enabled_indexes.iter().collect();
    let disabled: Vec<_> = diff.disabled_indexes.iter().collect();
    for (title, sign, indexes) in [
        (verb("remove indexes", "Removed indexes"), '-', removed),
        (verb("add indexes", "Added indexes"), '+', added),
        (verb("add staged indexes", "Added staged indexes"), '+', staged),
        (verb("enable indexes", "Enabled indexes"), '*', enabled),
        (verb("stage indexes", "Staged indexes"), '*', disabled),
    ] {
        if !indexes.is_empty() {
            let indexes: String =
                indexes.into_iter().map(|index| format!("\n  [{sign}] {}", described(index))).collect();
            lines.push(format!("{title}:{indexes}"));
        }
    }
    for (path, diff) in finished.get("componentDiffs").and_then(Json::as_object).into_iter().flatten() {
        let what = match diff.pointer("/diffType/type").and_then(Json::as_str) {
            Some("create") => "Installed",
            Some("unmount") => "Unmounted",
            Some("remount") => "Remounted",
            _ => continue,
        };
        lines.push(format!("{what} the component {path}"));
    }
    if verbose || dry_run {
        let app = finished.pointer("/componentDiffs/").unwrap_or(&Json::Null);
        for (pointer, title) in [
            ("/moduleDiff/added", "New modules"),
            ("/moduleDiff/removed", "Removed modules"),
            ("/cronDiff/added", "New crons"),
            ("/cronDiff/updated", "Changed crons"),
            ("/cronDiff/deleted", "Removed crons"),
        ] {
            let names = app.pointer(pointer).and_then(Json::as_array).into_iter().flatten();
            let names: Vec<_> =
                names.map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned)).collect();
            if !names.is_empty() {
                lines.push(format!("{title}: {}", names.join(", ")));
            }
        }
        for (pointer, title) in
            [("/authDiff/added", "New auth provider"), ("/authDiff/removed", "Removed auth provider")]
        {
            let providers = finished.pointer(pointer).and_then(Json::as_array).into_iter().flatten();
            lines.extend(providers.filter_map(Json::as_str).map(|provider| format!("{title}: {provider}")));
        }
    }
    lines
}

/// An index with what it is on.
fn described(index: &Index) -> String {
    let filters = match index.filter_fields.as_slice() {
        [] => String::new(),
        fields => format!(", filtered by {}", fields.join(", ")),
    };
    let on = match (&index.search_field, &index.vector_field) {
        (Some(field), _) => format!("text of {field}{filters}"),
        (_, Some(field)) => {
            let dimensions =
                index.dimensions.as_ref().map(|number| format!(", {number} dimensions")).unwrap_or_default();
            format!("vectors in {field}{dimensions}{filters}")
        }
        _ => index.fields.join(", "),
    };
    format!("{} ({on})", index.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_listed_by_kind() {
        let started = json!({"schemaChange": {"indexDiffs": {"": {
            "added_indexes": [
                {"name": "messages.by_channel", "type": "database", "fields": ["channel", "_creationTime"]},
                {"name": "messages.later", "type": "database", "fields": ["a"], "staged": true},
                {"name": "messages.search", "type": "search", "searchField": "body", "filterFields": ["channel"]},
                {"name": "docs.near", "type": "vector", "vectorField": "embedding", "dimensions": 3, "filterFields": []}],
            "removed_indexes": [{"name": "messages.old", "type": "database", "fields": ["x"]}]}}}});
        let finished = json!({"authDiff": {"added": ["{}"], "removed": []}, "componentDiffs": {"": {
            "moduleDiff": {"added": ["a.js", "b.js"], "removed": []}, "cronDiff": {"added": [], "deleted": ["nightly"]}},
            "limiter": {"diffType": {"type": "create"}}, "old": {"diffType": {"type": "unmount"}}, "same": {"diffType": {"type": "modify"}}}});
        insta::assert_snapshot!("changes", changes(&started, &finished, false, true).join("\n"));
        assert_eq!(
            changes(&started, &finished, true, false)[0],
            "Would remove indexes:\n  [-] messages.old (x)"
        );
        assert!(changes(&json!({}), &json!({}), false, true).is_empty());
    }
}
