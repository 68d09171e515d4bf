//! [`Survey`]: what an uploaded file would change, found before anything does.

use std::collections::{BTreeMap, HashSet};

use fusion_schema::TableNumber;
use tokio::runtime::Handle;

use super::archive::{Archive, in_entry};
use super::blocks::{Blocks, Form};
use super::documents::{Glance, Reading, glance};
use super::pipeline::ordered;
use super::upload::UploadReader;
use crate::database::staging::{Contents, Target};
use crate::database::{ComponentId, Snapshot};
use crate::system::blobs::Blobs;
use crate::system::imports::{Import, ImportFormat, ImportMode};
use crate::{Error, Result};

/// A table the file has documents for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SurveyedTable {
    pub(super) name: String,
    pub(super) documents: u64,
    /// The number of the ids in the file.
    pub(super) number: Option<TableNumber>,
}

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    pub(super) tables: Vec<SurveyedTable>,
    /// The stored files in it, if it speaks of files at all.
    pub(super) files: Option<u64>,
}

/// The form of a file that is not a ZIP file, and its table.
pub(super) fn single(format: &ImportFormat) -> Option<(Form, &str)> {
    match format {
        ImportFormat::Csv { table } => Some((Form::Csv, table)),
        ImportFormat::JsonLines { table } => Some((Form::JsonLines, table)),
        ImportFormat::JsonArray { table } => Some((Form::JsonArray, table)),
        ImportFormat::Zip => None,
    }
}

/// Looks at the documents of a file.
fn look(form: Form, reader: impl std::io::Read) -> Result<Glance> {
    let mut blocks = Blocks::open(form, reader)?;
    let reading = Reading { columns: blocks.columns().to_vec(), is_exported: false, now_ms: 0.0 };
    let mut found = Glance::default();
    ordered(
        || blocks.next(),
        |block| glance(&block, &reading),
        |next| {
            found.add(next);
            Ok(())
        },
    )?;
    Ok(found)
}

/// Looks at a whole file.
///
/// # Errors
/// If the file cannot be read; the first line that cannot be a document.
pub(super) fn survey(import: &Import, blobs: &Blobs, runtime: &Handle) -> Result<Survey> {
    let reader = UploadReader::new(blobs.clone(), runtime.clone(), import.file.clone());
    if let Some((form, table)) = single(&import.format) {
        let Glance { documents, number } = look(form, reader)?;
        let table = SurveyedTable { name: table.to_owned(), documents, number };
        return Ok(Survey { tables: vec![table], files: None });
    }
    let mut archive = Archive::open(reader)?;
    let mut found = Survey::default();
    for (name, table) in archive.tables.clone() {
        let glance =
            look(Form::JsonLines, archive.entry(table.entry)?).map_err(|error| in_entry(&name, error))?;
        // A number without documents of that number matters to nobody who adds to a table.
        let named = table.number.filter(|_| glance.number.is_some() || import.mode != ImportMode::Append);
        let number = named.or(glance.number);
        found.tables.push(SurveyedTable { name, documents: glance.documents, number });
    }
    if archive.files_entry.is_some() || !archive.files.is_empty() {
        found.files = Some(archive.files.len() as u64);
    }
    Ok(found)
}

/// What is to become of each table, those of the file first.
pub(super) fn targets(survey: &Survey, mode: ImportMode, now: &Snapshot) -> Vec<Target> {
    let contents = match mode {
        ImportMode::RequireEmpty => Contents::Fill,
        ImportMode::Append => Contents::Append,
        ImportMode::Replace | ImportMode::ReplaceAll => Contents::Replace,
    };
    let mut targets: Vec<Target> = survey
        .tables
        .iter()
        .map(|table| Target {
            component: ComponentId::ROOT,
            name: table.name.clone(),
            number: table.number,
            contents,
        })
        .collect();
    if mode == ImportMode::ReplaceAll {
        let imported: HashSet<&str> = survey.tables.iter().map(|table| table.name.as_str()).collect();
        let schema = now.catalog().schema().map(|schema| &**schema);
        let mut others: Vec<&str> = now
            .catalog()
            .tables()
            .filter(|table| !table.number.is_system() && !imported.contains(table.name.as_str()))
            .map(|table| table.name.as_str())
            .collect();
        others.sort_unstable();
        targets.extend(others.into_iter().map(|name| {
            let stays = schema.is_some_and(|schema| schema.table(name).is_some());
            let contents = if stays { Contents::Replace } else { Contents::Remove };
            Target { component: ComponentId::ROOT, name: name.to_owned(), number: None, contents }
        }));
    }
    targets
}

/// What is told before anything is done, and whether a person should say yes to it.
///
/// # Errors
/// If the mode does not fit what is there.
pub(super) fn summary(survey: &Survey, mode: ImportMode, now: &Snapshot) -> Result<(String, bool)> {
    let count = |name: &str| now.catalog().table(name).map_or(0, |table| now.document_count(table.id)) as u64;
    let mut rows: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let replaces = matches!(mode, ImportMode::Replace | ImportMode::ReplaceAll);
    let created = survey.tables.iter().map(|table| (table.name.as_str(), table.documents));
    let created = created.chain(survey.files.map(|files| ("_storage", files)));
    for (name, documents) in created {
        let existing = count(name);
        if mode == ImportMode::RequireEmpty && existing > 0 {
            return Err(Error::bad_request(
                "TableNotEmpty",
                format!(
                    "Table {name} already exists. Please choose a new table name or use replace/append modes."
                ),
            ));
        }
        rows.insert(name.to_owned(), (documents, if replaces { existing } else { 0 }));
    }
    for target in targets(survey, mode, now).iter().skip(survey.tables.len()) {
        rows.insert(target.name.clone(), (0, count(&target.name)));
    }
    let width = rows.keys().map(String::len).chain([5]).max().unwrap_or(5);
    let mut text =
        format!("Import change summary:\n{:width$} | {:>10} | {:>10} |\n", "table", "create", "delete");
    text.push_str(&format!("{}\n", "-".repeat(width + 28)));
    for (name, (create, delete)) in &rows {
        text.push_str(&format!("{name:width$} | {create:>10} | {delete:>10} |\n"));
    }
    text.push_str(
        "Once the import has started, it runs in the background; stopping this command does not cancel it.",
    );
    Ok((text, rows.values().any(|(_, delete)| *delete > 0)))
}
