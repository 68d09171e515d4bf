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
use crate::database::{ComponentId, Snapshot, child_path};
use crate::system::blobs::Blobs;
use crate::system::imports::{Import, ImportFormat, ImportMode};
use crate::{Error, Result};

/// A table the file has documents for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SurveyedTable {
    /// The path of its component, from that which the import goes into.
    pub(super) component: String,
    pub(super) name: String,
    pub(super) documents: u64,
    /// The number of the ids in the file.
    pub(super) number: Option<TableNumber>,
}

/// See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    pub(super) tables: Vec<SurveyedTable>,
    /// How many stored files it has for each component, if it speaks of the component's files at all.
    pub(super) files: BTreeMap<String, u64>,
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
        let table = SurveyedTable { component: String::new(), name: table.to_owned(), documents, number };
        return Ok(Survey { tables: vec![table], files: BTreeMap::new() });
    }
    let mut archive = Archive::open(reader)?;
    let mut found = Survey::default();
    for (component, folder) in archive.folders.clone() {
        let is_spoken_of = folder.has_files();
        for (name, table) in folder.tables {
            let glance =
                look(Form::JsonLines, archive.entry(table.entry)?).map_err(|error| in_entry(&name, error))?;
            // A number without documents of that number matters to nobody who adds to a table.
            let named = table.number.filter(|_| glance.number.is_some() || import.mode != ImportMode::Append);
            let number = named.or(glance.number);
            let component = component.clone();
            found.tables.push(SurveyedTable { component, name, documents: glance.documents, number });
        }
        if is_spoken_of {
            found.files.insert(component, folder.files.len() as u64);
        }
    }
    Ok(found)
}

/// The component of an import, or one inside of it.
///
/// # Errors
/// `ComponentNotFound`.
pub(super) fn component(import: &Import, inner: &str, now: &Snapshot) -> Result<(ComponentId, String)> {
    let outer = import.component.as_str();
    let path = if inner.is_empty() { outer.to_owned() } else { child_path(outer, inner) };
    let found = now.catalog().component_at(&path);
    let found = found.ok_or_else(|| {
        Error::bad_request(
            "ComponentNotFound",
            format!(
                "The file has data of the component \"{path}\", which this deployment does not have. Push an app that uses it, or remove its folder from the file."
            ),
        )
    })?;
    Ok((found, path))
}

/// What is to become of each table, those of the file first.
///
/// # Errors
/// `ComponentNotFound`.
pub(super) fn targets(survey: &Survey, import: &Import, now: &Snapshot) -> Result<Vec<Target>> {
    let contents = match import.mode {
        ImportMode::RequireEmpty => Contents::Fill,
        ImportMode::Append => Contents::Append,
        ImportMode::Replace | ImportMode::ReplaceAll => Contents::Replace,
    };
    let mut targets = Vec::new();
    for table in &survey.tables {
        let (component, _) = component(import, &table.component, now)?;
        targets.push(Target { component, name: table.name.clone(), number: table.number, contents });
    }
    if import.mode == ImportMode::ReplaceAll {
        let catalog = now.catalog();
        let imported: HashSet<(ComponentId, &str)> =
            targets.iter().map(|target| (target.component, target.name.as_str())).collect();
        // The component with all that are inside of it.
        let below = format!("{}/", import.component);
        let inner = catalog.components().filter(|component| {
            import.component.is_empty()
                || *component.path == *import.component
                || component.path.starts_with(&below)
        });
        let mut components: Vec<ComponentId> = inner.map(|component| component.id).collect();
        if import.component.is_empty() {
            components.push(ComponentId::ROOT);
        }
        let mut others: Vec<(ComponentId, &str)> = components
            .into_iter()
            .flat_map(|component| {
                let tables = catalog.tables_in(component).filter(|table| !table.number.is_system());
                tables.map(move |table| (component, table.name.as_str()))
            })
            .filter(|table| !imported.contains(table))
            .collect();
        others.sort_unstable();
        let others: Vec<Target> = others
            .into_iter()
            .map(|(component, name)| {
                let schema = catalog.schema_in(component);
                let stays = schema.is_some_and(|schema| schema.table(name).is_some());
                let contents = if stays { Contents::Replace } else { Contents::Remove };
                Target { component, name: name.to_owned(), number: None, contents }
            })
            .collect();
        targets.extend(others);
    }
    Ok(targets)
}

/// What is told before anything is done, and whether a person should say yes to it.
///
/// # Errors
/// If the mode does not fit what is there; `ComponentNotFound`.
pub(super) fn summary(survey: &Survey, import: &Import, now: &Snapshot) -> Result<(String, bool)> {
    let mode = import.mode;
    let count = |component: ComponentId, name: &str| {
        now.catalog().table_in(component, name).map_or(0, |table| now.document_count(table.id)) as u64
    };
    let mut rows: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let replaces = matches!(mode, ImportMode::Replace | ImportMode::ReplaceAll);
    let created = survey.tables.iter().map(|table| (&table.component, table.name.as_str(), table.documents));
    let created =
        created.chain(survey.files.iter().map(|(component, files)| (component, "_storage", *files)));
    for (inner, name, documents) in created {
        let (component, path) = component(import, inner, now)?;
        let existing = count(component, name);
        if mode == ImportMode::RequireEmpty && existing > 0 {
            return Err(Error::bad_request(
                "TableNotEmpty",
                format!(
                    "Table {name} already exists. Please choose a new table name or use replace/append modes."
                ),
            ));
        }
        rows.insert(child_path(&path, name), (documents, if replaces { existing } else { 0 }));
    }
    for target in targets(survey, import, now)?.iter().skip(survey.tables.len()) {
        let path = now.catalog().component_path(target.component).unwrap_or_default();
        rows.insert(child_path(path, &target.name), (0, count(target.component, &target.name)));
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
