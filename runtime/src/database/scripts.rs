//! Runs the golden scripts in `scripts/`: transactions as actors on one table of counters. Prefixes name the
//! transaction; output is what it reads or how it ends. Documents are called by names that stand for their ids.
//!
//! `UPDATE_GOLDENFILES=1 cargo test -p fusion-runtime database::scripts` writes what a changed script gives.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt::Write as _;
use std::path::Path;

use fusion_schema::table::{Schema, TableDefinition};
use fusion_schema::validator::Validator;
use fusion_schema::{DocumentId, Value, object};
use goldenscript::{ArgumentConsumer, Command, Context};

use super::query::{RangeExpression, RangeOperator};
use super::{
    CommitExtras, Database, DatabaseOptions, HeadLease, Order, Query, QuerySource, SubTransaction,
    Transaction,
};

test_each_file::test_each_path! { in "./runtime/src/database/scripts" => script }

fn script(path: &Path) {
    goldenscript::run(&mut Script::new(), path).expect("golden script");
}

const TABLE: &str = "counters";

struct Script {
    database: Database,
    names: HashMap<String, DocumentId>,
    open: HashMap<String, Open>,
}

struct Open {
    tx: Transaction,
    subs: Vec<SubTransaction>,
    lease: Option<HeadLease>,
}

type Ran<T> = Result<T, Box<dyn StdError>>;

impl Script {
    fn new() -> Self {
        let database = Database::open(DatabaseOptions::in_memory()).expect("a database in memory");
        let table = TableDefinition::new(TABLE, Validator::Any).index("by_n", ["n"]);
        database.apply_schema(&Schema::new(vec![table])).expect("a sound schema");
        Self { database, names: HashMap::new(), open: HashMap::new() }
    }

    fn id(&self, name: &str) -> Ran<DocumentId> {
        self.names.get(name).copied().ok_or_else(|| format!("no document is called {name}").into())
    }

    fn name(&self, id: DocumentId) -> &str {
        self.names.iter().find(|(_, found)| **found == id).map_or("?", |(name, _)| name)
    }

    fn commit(&mut self, name: &str) -> Ran<String> {
        let Open { tx, lease, .. } = self.open.remove(name).ok_or("no such transaction")?;
        let committed = match &lease {
            Some(lease) => lease.commit(tx, CommitExtras::default()),
            None => self.database.commit(tx, CommitExtras::default()),
        };
        Ok(match committed {
            Ok(committed) => {
                self.database.wait_durable(committed.ts)?;
                "committed\n".to_owned()
            }
            Err(error) => format!("{}: {error}\n", error.code()),
        })
    }
}

fn show(fields: &fusion_schema::Object) -> String {
    fields.get("n").map_or_else(|| "undefined".to_owned(), fusion_schema::json::encode)
}

fn number(args: &mut ArgumentConsumer<'_>, name: &str) -> Ran<Option<f64>> {
    Ok(args.take_key(name).map(str::parse).transpose()?)
}

impl goldenscript::Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, context: &Context) -> Ran<String> {
        let actor = context.prefix.clone().ok_or("a command needs the prefix of its transaction")?;
        let mut args = command.consume_args();
        match command.name.as_str() {
            "begin" => {
                let tx = self.database.begin_mutation();
                self.open.insert(actor, Open { tx, subs: Vec::new(), lease: None });
                args.reject_next()?;
                return Ok(String::new());
            }
            "lease" => {
                let lease = self.database.lease_head()?;
                let tx = lease.begin();
                self.open.insert(actor, Open { tx, subs: Vec::new(), lease: Some(lease) });
                args.reject_next()?;
                return Ok(String::new());
            }
            "commit" => {
                args.reject_next()?;
                return self.commit(&actor);
            }
            _ => {}
        }
        let name = args.next_pos().map(str::to_owned);
        let n = number(&mut args, "n")?;
        let from = number(&mut args, "from")?;
        let to = number(&mut args, "to")?;
        args.reject_next()?;
        let document = match (&name, command.name.as_str()) {
            (Some(name), "get" | "set" | "delete") => Some(self.id(name)?),
            _ => None,
        };
        let open = self.open.get_mut(&actor).ok_or_else(|| format!("{actor} has not begun"))?;
        let mut out = String::new();
        match (command.name.as_str(), document) {
            ("insert", _) => {
                let id = open.tx.insert(TABLE, object! {"n" => n.ok_or("insert needs n")?})?;
                self.names.insert(name.ok_or("insert needs a name")?, id);
            }
            ("get", Some(id)) => match open.tx.get(id)? {
                Some(document) => writeln!(out, "{}", show(document.fields()))?,
                None => writeln!(out, "null")?,
            },
            ("set", Some(id)) => {
                drop(open.tx.patch(id, vec![("n".to_owned(), Some(Value::from(n.ok_or("set needs n")?)))])?);
            }
            ("delete", Some(id)) => drop(open.tx.delete(id)?),
            ("scan", _) => {
                let bound = |operator, value: Option<f64>| {
                    let value = value.map(Value::from);
                    value.map(|value| RangeExpression { operator, field: "n".to_owned(), value: Some(value) })
                };
                let range =
                    bound(RangeOperator::Gte, from).into_iter().chain(bound(RangeOperator::Lt, to)).collect();
                let source = QuerySource::IndexRange {
                    table: TABLE.to_owned(),
                    index: "by_n".to_owned(),
                    range,
                    order: Order::Asc,
                };
                let mut stream = open.tx.query(&Query { source, operators: vec![] })?;
                let mut found = Vec::new();
                while let Some(document) = stream.next(&mut open.tx)? {
                    found.push((document.id(), show(document.fields())));
                }
                for (id, n) in found {
                    writeln!(out, "{} = {n}", self.name(id))?;
                }
            }
            ("sub", _) => {
                let sub = open.tx.begin_sub();
                open.subs.push(sub);
            }
            ("keep", _) => {
                let sub = open.subs.pop().ok_or("no sub-transaction is open")?;
                open.tx.commit_sub(sub);
            }
            ("undo", _) => {
                let sub = open.subs.pop().ok_or("no sub-transaction is open")?;
                open.tx.rollback_sub(sub);
            }
            ("drop", _) => drop(self.open.remove(&actor)),
            (other, _) => return Err(format!("unknown command {other}").into()),
        }
        Ok(out)
    }
}
