//! Full-text search against a naive model: documents in a list, ranked by the formula as the book has it.

use std::collections::{BTreeMap, BTreeSet};

use fusion_schema::table::{Schema, TableDefinition};
use fusion_schema::validator::Validator;
use fusion_schema::{DocumentId, Object, Value, object};
use proptest::prelude::*;

use super::SearchQuery;
use crate::database::query::{Expression, PageRequest};
use crate::database::{
    CommitExtras, Database, DatabaseOptions, Query, QueryOperator, QuerySource, SearchExpression, Snapshot,
    Transaction,
};

const TABLE: &str = "notes";

fn schema() -> Schema {
    let table = TableDefinition::new(TABLE, Validator::Any);
    Schema::new(vec![table.search_index("by_text", "o.text", ["channel", "o.n"])])
}

fn database() -> Database {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    database.apply_schema(&schema()).unwrap();
    database
}

fn search(text: &str, filters: &[(&str, Option<Value>)]) -> Query {
    let mut conditions = vec![SearchExpression::Search { field: "o.text".to_owned(), text: text.to_owned() }];
    let filters = filters.iter().cloned();
    conditions.extend(filters.map(|(field, value)| SearchExpression::Eq { field: field.to_owned(), value }));
    let source =
        QuerySource::Search { table: TABLE.to_owned(), index: "by_text".to_owned(), filters: conditions };
    Query { source, operators: Vec::new() }
}

fn found(tx: &mut Transaction, query: &Query) -> Vec<DocumentId> {
    let mut stream = tx.query(query).unwrap();
    let mut found = Vec::new();
    while let Some(document) = stream.next(tx).unwrap() {
        found.push(document.id());
    }
    found
}

/// What a model knows of a document.
type Model = BTreeMap<DocumentId, (Object, f64)>;

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_lowercase).collect()
}

/// The whole result by the definition.
fn expected(model: &Model, query: &str, filters: &[(&str, Option<Value>)]) -> Vec<DocumentId> {
    let texts: BTreeMap<&DocumentId, Vec<String>> = model
        .iter()
        .filter_map(|(id, (fields, _))| Some((id, words(fields.get_path("o.text")?.as_str()?))))
        .collect();
    let all = texts.len() as f64;
    let average = (texts.values().map(Vec::len).sum::<usize>() as f64 / all.max(1.0)).max(1.0) as f32;
    let terms = words(query);
    let Some(last) = terms.last() else { return Vec::new() };
    let mut clauses: Vec<(String, bool)> = Vec::new();
    for term in &terms {
        if !clauses.contains(&(term.clone(), false)) {
            clauses.push((term.clone(), false));
        }
    }
    clauses.push((last.clone(), true));
    let count = |words: &[String], (term, is_prefix): &(String, bool)| {
        words.iter().filter(|word| *word == term || (*is_prefix && word.starts_with(term.as_str()))).count()
    };
    let mut hits = Vec::new();
    for (id, text) in &texts {
        let (fields, time) = &model[*id];
        if filters.iter().any(|(field, value)| fields.get_path(field) != value.as_ref()) {
            continue;
        }
        let mut score = 0.0_f32;
        for clause in &clauses {
            let frequency = texts.values().filter(|words| count(words, clause) > 0).count() as f64;
            let weight = ((all - frequency + 0.5) / (frequency + 0.5)).ln_1p() as f32;
            let tf = count(text, clause) as f32;
            if tf > 0.0 {
                score += weight * (tf * (1.2 + 1.0))
                    / (tf + 1.2 * (1.0 - 0.75 + 0.75 * text.len() as f32 / average));
            }
        }
        if score > 0.0 {
            hits.push((score, *time, **id));
        }
    }
    hits.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(b.2.internal.cmp(&a.2.internal)));
    hits.into_iter().map(|(.., id)| id).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Object),
    Replace(usize, Object),
    /// Changes nothing that the index knows.
    Touch(usize),
    Delete(usize),
    Commit,
    Abandon,
    /// Keeps the snapshot and looks at it again at the end.
    Keep,
    Search(String, Option<Option<Value>>, Option<Option<Value>>),
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab]{1,3}|word|Wort", 0..6).prop_map(|words| words.join(" "))
}

fn value() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        (0..3).prop_map(|n| Some(Value::Float64(f64::from(n)))),
        Just(Some(Value::from("x".repeat(200)))),
    ]
}

fn document() -> impl Strategy<Value = Object> {
    let text = prop_oneof![6 => text().prop_map(Value::from), 1 => Just(Value::Float64(1.0))];
    (prop::option::weighted(0.9, text), value(), value()).prop_map(|(text, channel, n)| {
        let mut inner = Object::new();
        text.into_iter().for_each(|text| drop(inner.insert("text", text)));
        n.into_iter().for_each(|n| drop(inner.insert("n", n)));
        let mut fields = object! {"o" => inner};
        channel.into_iter().for_each(|channel| drop(fields.insert("channel", channel)));
        fields
    })
}

fn step() -> impl Strategy<Value = Step> {
    let filter = || prop::option::weighted(0.4, value());
    prop_oneof![
        8 => document().prop_map(Step::Insert),
        3 => (any::<usize>(), document()).prop_map(|(row, fields)| Step::Replace(row, fields)),
        1 => any::<usize>().prop_map(Step::Touch),
        2 => any::<usize>().prop_map(Step::Delete),
        3 => Just(Step::Commit),
        1 => Just(Step::Abandon),
        1 => Just(Step::Keep),
        4 => (text(), filter(), filter()).prop_map(|(text, channel, n)| Step::Search(text, channel, n)),
    ]
}

fn check(
    tx: &mut Transaction,
    model: &Model,
    text: &str,
    channel: Option<Option<Value>>,
    n: Option<Option<Value>>,
) {
    let filters: Vec<(&str, Option<Value>)> =
        channel.map(|value| ("channel", value)).into_iter().chain(n.map(|value| ("o.n", value))).collect();
    let query = search(text, &filters);
    let expected = expected(model, text, &filters);
    assert_eq!(found(tx, &query), expected, "{text:?} {filters:?}");
    let first = Query { operators: vec![QueryOperator::Limit(2)], ..query.clone() };
    assert_eq!(found(tx, &first), expected[..expected.len().min(2)], "the first two of {text:?} {filters:?}");
    let (mut cursor, mut paged) = (None, Vec::new());
    loop {
        let request = PageRequest { cursor, page_size: 3, ..PageRequest::default() };
        let page = tx.paginate(&query, &request).unwrap();
        paged.extend(page.page.iter().map(|document| document.id()));
        cursor = Some(page.continue_cursor);
        if page.is_done {
            break;
        }
    }
    assert_eq!(paged, expected, "pages of {text:?} {filters:?}");
}

fn check_many(tx: &mut Transaction, model: &Model) {
    for text in ["a", "b ab", "aa wor", "Word a b", "wort", "zz", ""] {
        check(tx, model, text, None, None);
        check(tx, model, text, Some(Some(Value::Float64(1.0))), None);
        check(tx, model, text, None, Some(None));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 32 } else { 500 }))]
    #[test]
    fn every_snapshot_and_transaction_finds_what_a_list_finds(
        before in prop::collection::vec(document(), 0..40),
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let options = DatabaseOptions::in_memory().with_folder(folder.path());
        let database = Database::open(options.clone()).unwrap();
        let mut committed = Model::new();
        // Some documents are there before the index is.
        let mut tx = database.begin_mutation();
        for fields in before {
            insert(&mut tx, &mut committed, fields);
        }
        database.commit(tx, CommitExtras::default()).unwrap();
        database.apply_schema(&schema()).unwrap();
        let mut kept: Vec<(Snapshot, Model)> = Vec::new();
        let (mut tx, mut model) = (database.begin_mutation(), committed.clone());
        for step in steps {
            let row = |position: usize, model: &Model| model.keys().nth(position % model.len().max(1)).copied();
            match step {
                Step::Insert(fields) => insert(&mut tx, &mut model, fields),
                Step::Replace(position, fields) => {
                    if let Some(id) = row(position, &model) {
                        tx.replace(id, fields.clone()).unwrap();
                        model.get_mut(&id).unwrap().0 = fields;
                    }
                }
                Step::Touch(position) => {
                    if let Some(id) = row(position, &model) {
                        tx.patch(id, vec![("other".to_owned(), Some(Value::from("a b")))]).unwrap();
                    }
                }
                Step::Delete(position) => {
                    if let Some(id) = row(position, &model) {
                        tx.delete(id).unwrap();
                        model.remove(&id);
                    }
                }
                Step::Commit => {
                    database.commit(tx, CommitExtras::default()).unwrap();
                    committed.clone_from(&model);
                    tx = database.begin_mutation();
                }
                Step::Abandon => {
                    model.clone_from(&committed);
                    tx = database.begin_mutation();
                }
                Step::Keep => kept.push((database.head(), committed.clone())),
                Step::Search(text, channel, n) => check(&mut tx, &model, &text, channel, n),
            }
        }
        kept.push((database.head(), committed.clone()));
        for (snapshot, model) in kept {
            check_many(&mut database.begin(snapshot), &model);
        }
        database.close();
        drop(database);
        let again = Database::open(options).unwrap();
        check_many(&mut again.begin_query(), &committed);
    }
}

fn insert(tx: &mut Transaction, model: &mut Model, fields: Object) {
    let id = tx.insert(TABLE, fields.clone()).unwrap();
    let time = tx.get(id).unwrap().unwrap().creation_time();
    model.insert(id, (fields, time));
}

fn note(text: &str) -> Object {
    object! {"o" => object! {"text" => text}}
}

fn commit(database: &Database, tx: Transaction) {
    let ts = database.commit(tx, CommitExtras::default()).unwrap().ts;
    database.wait_durable(ts).unwrap();
}

#[test]
fn no_more_than_1024_results_are_looked_at_and_pages_go_further() {
    let database = database();
    let mut tx = database.begin_mutation();
    for _ in 0..1_025 {
        tx.insert(TABLE, note("same")).unwrap();
    }
    commit(&database, tx);
    let mut tx = database.begin_query();
    let all = search("same", &[]);
    let mut stream = tx.query(&all).unwrap();
    for _ in 0..1_024 {
        assert!(stream.next(&mut tx).unwrap().is_some());
    }
    let error = stream.next(&mut tx).unwrap_err();
    assert_eq!(error.code(), "TooManySearchResults");
    assert!(error.message().contains("1024"), "{error}");
    let limited = Query { operators: vec![QueryOperator::Limit(1_024)], ..all.clone() };
    assert_eq!(found(&mut tx, &limited).len(), 1_024);
    // A filter that lets few pass has to look at all.
    let never = Expression::field("missing").eq(Expression::literal(1.0));
    let filtered = Query { operators: vec![QueryOperator::Filter(never)], ..all.clone() };
    assert!(tx.query(&filtered).unwrap().next(&mut tx).is_err());
    let page = tx.paginate(&all, &PageRequest { page_size: 5_000, ..PageRequest::default() }).unwrap();
    assert_eq!((page.page.len(), page.is_done), (1_024, false));
    let rest = PageRequest { cursor: Some(page.continue_cursor), page_size: 5, ..PageRequest::default() };
    let page = tx.paginate(&all, &rest).unwrap();
    assert_eq!((page.page.len(), page.is_done), (1, true));
}

#[test]
fn wrong_searches_are_told_what_is_wrong() {
    let database = database();
    let mut tx = database.begin_query();
    let mut check = |index: &str, filters: Vec<SearchExpression>, code: &str, fragment: &str| {
        let source = QuerySource::Search { table: TABLE.to_owned(), index: index.to_owned(), filters };
        let error = tx.query(&Query { source, operators: Vec::new() }).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.message().contains(fragment), "{error}");
    };
    let text = |field: &str| SearchExpression::Search { field: field.to_owned(), text: "a".to_owned() };
    let eq = |field: &str| SearchExpression::Eq { field: field.to_owned(), value: None };
    check("nothing", vec![text("o.text")], "IndexNotFoundError", "Index notes.nothing not found.");
    check("by_creation_time", vec![text("o.text")], "WrongIndexType", "is not a search index");
    check("by_text", vec![text("channel")], "IncorrectSearchField", "\"o.text\", not \"channel\"");
    check("by_text", vec![], "MissingSearchFilterError", "q.search(\"o.text\", ...)");
    check("by_text", vec![text("o.text"), text("o.text")], "DuplicateSearchFiltersError", "more than one");
    check("by_text", vec![text("o.text"), eq("author")], "IncorrectFilterField", "\"author\"");
    let nine = std::iter::once(text("o.text")).chain((0..9).map(|_| eq("channel"))).collect();
    check("by_text", nine, "TooManyFilterConditionsInSearchQueryError", "9 filters, at most 8");
    let source = QuerySource::IndexRange {
        table: TABLE.to_owned(),
        index: "by_text".to_owned(),
        range: Vec::new(),
        order: crate::database::Order::Asc,
    };
    let error = tx.query(&Query { source, operators: Vec::new() }).unwrap_err();
    assert!(error.message().contains("withSearchIndex"), "{error}");
}

#[test]
fn words_beyond_the_sixteenth_are_not_looked_for() {
    let long: Vec<String> = (0..20).map(|n| format!("w{n}")).collect();
    let query = SearchQuery::new(&long.join(" "), Vec::new());
    assert_eq!(query.terms.len(), 16);
    assert_eq!(query.prefix, None);
    assert_eq!(SearchQuery::new("a a b", Vec::new()).prefix.as_deref(), Some("b"));
    assert_eq!(SearchQuery::new("a a b", Vec::new()).terms, ["a", "b"]);
}

#[test]
fn a_staged_index_is_built_and_cannot_be_queried_until_it_is_enabled() {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    let mut tx = database.begin_mutation();
    tx.insert(TABLE, note("first")).unwrap();
    commit(&database, tx);
    let mut staged = schema();
    staged.tables[0].staged_search_indexes = std::mem::take(&mut staged.tables[0].search_indexes);
    database.apply_schema(&staged).unwrap();
    let mut tx = database.begin_mutation();
    let error = tx.query(&search("first", &[])).unwrap_err();
    assert_eq!(error.code(), "IndexStagedError");
    tx.insert(TABLE, note("first and second")).unwrap();
    commit(&database, tx);
    let change = database.apply_schema(&schema()).unwrap();
    assert!(change.added_indexes.is_empty(), "it was there already: {change:?}");
    assert_eq!(found(&mut database.begin_query(), &search("first", &[])).len(), 2);
    let mut other = schema();
    other.tables[0].search_indexes[0].search_field = "o.title".to_owned();
    let change = database.apply_schema(&other).unwrap();
    assert_eq!(change.added_indexes, ["notes.by_text"]);
    assert_eq!(change.removed_indexes, ["notes.by_text"]);
    let error = database.begin_query().query(&search("first", &[])).unwrap_err();
    assert_eq!(error.code(), "IncorrectSearchField");
}

#[test]
fn work_in_the_background_is_done_and_seen_without_another_commit() {
    let database = database();
    let mut tx = database.begin_mutation();
    let ids: BTreeSet<DocumentId> = (0..50).map(|_| tx.insert(TABLE, note("much")).unwrap()).collect();
    commit(&database, tx);
    let index = || {
        let mut tx = database.begin_query();
        let table = tx.table(TABLE).unwrap();
        tx.search_index(table.attached("by_text").unwrap().id)
    };
    let began = crate::clock::Moment::now();
    while index().needs_work() {
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "nobody does it");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(index().changed.is_empty());
    let result: BTreeSet<DocumentId> =
        found(&mut database.begin_query(), &search("mu", &[])).into_iter().collect();
    assert_eq!(result, ids);
}

/// Waits until all segments of some size are in files, and `gone` is not among them, and gives those.
fn saved_files(
    database: &Database,
    folder: &std::path::Path,
    gone: Option<&std::path::PathBuf>,
) -> Vec<std::path::PathBuf> {
    let began = crate::clock::Moment::now();
    loop {
        let state = database.published().0;
        let table = state.catalog.table(TABLE).unwrap().clone();
        let Some(crate::database::attached::AttachedIndex::Search(index)) =
            state.tables[&table.id].attached(table.attached("by_text").unwrap().id.slot)
        else {
            panic!("there is no index")
        };
        let due = index.segments.iter().filter(|part| part.segment.len() >= 4).count();
        let files = std::fs::read_dir(folder.join("search")).into_iter().flatten().flatten();
        let files: Vec<_> = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "segment"))
            .collect();
        let is_gone = gone.is_none_or(|gone| !files.contains(gone));
        if due > 0 && !index.needs_work() && files.len() == due && is_gone {
            return files;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "{due} segments, {files:?}");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[test]
fn a_start_takes_from_files_what_still_holds() {
    let folder = tempfile::tempdir().unwrap();
    let options = DatabaseOptions::in_memory().with_folder(folder.path());
    let database = Database::open(options.clone()).unwrap();
    database.apply_schema(&schema()).unwrap();
    let mut model = Model::new();
    let mut tx = database.begin_mutation();
    for n in 0..60 {
        let fields = object! {"o" => object! {"text" => format!("all a{} b{n}", n % 3)}, "channel" => 1.0};
        insert(&mut tx, &mut model, fields);
    }
    commit(&database, tx);
    saved_files(&database, folder.path(), None);
    // After the files: another text, the same text in another document, one less, one more.
    let ids: Vec<DocumentId> = model.keys().copied().collect();
    let mut tx = database.begin_mutation();
    tx.replace(ids[0], note("word")).unwrap();
    model.get_mut(&ids[0]).unwrap().0 = note("word");
    tx.patch(ids[1], vec![("other".to_owned(), Some(Value::from(1.0)))]).unwrap();
    tx.delete(ids[2]).unwrap();
    model.remove(&ids[2]);
    insert(&mut tx, &mut model, note("wort"));
    commit(&database, tx);
    database.close();
    drop(database);

    let check_all = |database: &Database| {
        let mut tx = database.begin_query();
        check_many(&mut tx, &model);
        for text in ["all a1", "b7 b8", "b"] {
            check(&mut tx, &model, text, None, None);
        }
    };
    let again = Database::open(options.clone()).unwrap();
    check_all(&again);
    let files = saved_files(&again, folder.path(), None);
    again.close();
    drop(again);
    // Damage in any place is noticed, and so is a file that was cut off.
    let bytes = std::fs::read(&files[0]).unwrap();
    for place in (0..bytes.len()).step_by(bytes.len() / 20 + 1) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x20;
        std::fs::write(&files[0], &damaged).unwrap();
        let definition = &schema().tables[0].search_indexes[0];
        assert!(super::file::read(&files[0], definition).is_none(), "at {place}");
        std::fs::write(&files[0], &bytes[..place]).unwrap();
        assert!(super::file::read(&files[0], definition).is_none(), "cut off at {place}");
    }
    let again = Database::open(options.clone()).unwrap();
    check_all(&again);
    // A damaged file does not stay.
    saved_files(&again, folder.path(), Some(&files[0]));
    // Files of another definition are not taken.
    let mut other = schema();
    other.tables[0].search_indexes[0].search_field = "channel".to_owned();
    again.apply_schema(&other).unwrap();
    again.close();
    drop(again);
    let again = Database::open(options).unwrap();
    again.apply_schema(&schema()).unwrap();
    check_all(&again);
}
