//! Runs the golden scripts in `scripts/`: what invalidates the result of a search, and what does not. Each `insert`,
//! `set` and `delete` is a commit; it says which of the watched searches it touches, and those are run again.
//!
//! `UPDATE_GOLDENFILES=1 cargo test -p fusion-runtime database::search::scripts` writes what a changed script gives.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt::Write as _;
use std::path::Path;

use fusion_schema::table::{Schema, TableDefinition};
use fusion_schema::validator::Validator;
use fusion_schema::{DocumentId, Object, Value};
use goldenscript::{Command, Context};

use crate::database::{
    CommitExtras, Database, DatabaseOptions, Query, QueryOperator, QuerySource, SearchExpression, Token,
    Transaction,
};

test_each_file::test_each_path! { in "./runtime/src/database/search/scripts" => script }

fn script(path: &Path) {
    goldenscript::run(&mut Script::new(), path).expect("golden script");
}

const TABLE: &str = "messages";

struct Script {
    database: Database,
    names: BTreeMap<String, DocumentId>,
    watches: BTreeMap<String, (Query, Token)>,
}

type Ran<T> = Result<T, Box<dyn StdError>>;

impl Script {
    fn new() -> Self {
        let database = Database::open(DatabaseOptions::in_memory()).expect("a database in memory");
        let table = TableDefinition::new(TABLE, Validator::Any);
        let table = table.search_index("by_body", "body", ["channel", "author"]);
        database.apply_schema(&Schema::new(vec![table])).expect("a sound schema");
        Self { database, names: BTreeMap::new(), watches: BTreeMap::new() }
    }

    /// Runs a search: what it found, by name, and what it depends on.
    fn run(&self, query: &Query) -> Ran<(String, Token)> {
        let mut tx = self.database.begin_query();
        let mut stream = tx.query(query)?;
        let mut found = Vec::new();
        while let Some(document) = stream.next(&mut tx)? {
            let name = self.names.iter().find(|(_, id)| **id == document.id());
            found.push(name.map_or("?", |(name, _)| name).to_owned());
        }
        Ok((format!("[{}]", found.join(" ")), tx.into_token()))
    }

    /// Commits and runs again what was touched.
    fn commit(&mut self, tx: Transaction) -> Ran<String> {
        let before = tx.begin_ts();
        let ts = self.database.commit(tx, CommitExtras::default())?.ts;
        self.database.wait_durable(ts)?;
        let entries = self.database.commits_since(before).ok_or("the log is too short")?;
        let mut out = String::new();
        let touched: Vec<String> = self
            .watches
            .iter()
            .filter(|(_, (_, token))| entries.iter().any(|entry| token.is_touched_by(entry)))
            .map(|(name, _)| name.clone())
            .collect();
        for name in touched {
            let query = self.watches[&name].0.clone();
            let (found, token) = self.run(&query)?;
            writeln!(out, "{name} {found}")?;
            self.watches.insert(name, (query, token));
        }
        if out.is_empty() {
            out.push_str("nothing\n");
        }
        Ok(out)
    }
}

impl goldenscript::Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Ran<String> {
        let mut args = command.consume_args();
        let name = args.next_pos().ok_or("a command needs a name")?.to_owned();
        if command.name == "watch" {
            let text = args.next_pos().ok_or("watch needs a text")?.to_owned();
            let take: Option<usize> = args.take_key("take").map(str::parse).transpose()?;
            let mut filters = vec![SearchExpression::Search { field: "body".to_owned(), text }];
            for field in ["channel", "author"] {
                let value = args.take_key(field).map(Value::from);
                filters.extend(
                    value.map(|value| SearchExpression::Eq { field: field.to_owned(), value: Some(value) }),
                );
            }
            args.reject_next()?;
            let source =
                QuerySource::Search { table: TABLE.to_owned(), index: "by_body".to_owned(), filters };
            let query = Query { source, operators: take.map(QueryOperator::Limit).into_iter().collect() };
            let (found, token) = Self::run(self, &query)?;
            self.watches.insert(name, (query, token));
            return Ok(format!("{found}\n"));
        }
        let mut fields = Object::new();
        for field in ["body", "channel", "author", "other"] {
            if let Some(value) = args.take_key(field) {
                fields.insert(field, value);
            }
        }
        args.reject_next()?;
        let mut tx = self.database.begin_mutation();
        match command.name.as_str() {
            "insert" => {
                let id = tx.insert(TABLE, fields)?;
                self.names.insert(name, id);
            }
            "set" => {
                let id = *self.names.get(&name).ok_or("no such document")?;
                let fields = fields.iter().map(|(name, value)| (name.to_owned(), Some(value.clone())));
                drop(tx.patch(id, fields.collect())?);
            }
            "delete" => drop(tx.delete(*self.names.get(&name).ok_or("no such document")?)?),
            other => return Err(format!("unknown command {other}").into()),
        }
        self.commit(tx)
    }
}
