//! The timestamp of a commit inside its own documents: what stands there as a placeholder until it is known.

use std::sync::Arc;

use fusion_schema::{Value, json};

use super::attached::{AttachedChange, Extracts};
use super::catalog::{Catalog, TableMeta};
use super::component::ComponentId;
use super::document::{Document, Entry};
use super::log::LogWrite;
use super::snapshot::Timestamp;
use super::transaction::{extracts, version};
use super::writes::{FinalWrite, merge_keys};

/// Puts the commit's timestamp in place of the placeholders.
pub(super) fn resolve_commit_ts(catalog: &Catalog, writes: &mut [FinalWrite], ts: Timestamp) {
    for write in writes {
        let Some(new) = &write.new else { continue };
        let Some(body) = new.resident_body().filter(|body| body.contains("$commitTs")) else { continue };
        let Ok(mut value) = json::decode(&body) else { continue };
        // A table made by this very transaction has the built-in indexes only.
        let made =
            || Arc::new(TableMeta::new(write.log.table, ComponentId::ROOT, new.id.table, String::new()));
        let meta = catalog.table_by_id(write.log.table).cloned().unwrap_or_else(made);
        let placeholder = extracts(&meta, &Document::new(new.clone(), body));
        value.resolve_commit_ts(ts as i64);
        let body: Arc<str> = json::encode(&value).into();
        let Value::Object(fields) = value else { continue };
        // What the attached indexes took before; they are not named where that is what they take of the placeholder.
        let old_extracts: Extracts = meta
            .attached
            .iter()
            .map(|index| {
                let change = write.log.attached.iter().find(|change| change.slot == index.id.slot);
                let before = match change {
                    Some(change) => change.old.clone(),
                    None => placeholder
                        .iter()
                        .find(|(slot, _)| *slot == index.id.slot)
                        .and_then(|(_, e)| e.clone()),
                };
                (index.id.slot, before)
            })
            .collect();
        let entry =
            Entry::new(new.id, new.table, new.creation_time, new.slot, ts, new.size as usize, body.clone());
        let new = version(&meta, Document::with_fields(Arc::new(entry), body, Arc::new(fields)));
        let old_keys =
            write.log.keys.iter().filter_map(|(slot, change)| Some((*slot, change.old()?.clone()))).collect();
        let keys = merge_keys(old_keys, new.keys.clone());
        write.new = Some(new.document.entry().clone());
        let attached = AttachedChange::between(old_extracts, new.attached);
        write.log = Arc::new(LogWrite { table: write.log.table, id: write.log.id, keys, attached });
    }
}
