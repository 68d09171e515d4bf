//! Queries and pages against a naive model: a sorted vector.

use std::cmp::Ordering;

use fusion_schema::table::{Schema, TableDefinition};
use fusion_schema::validator::Validator;
use fusion_schema::{DocumentId, Object, Value, object};
use proptest::prelude::*;

use super::*;
use crate::database::{CommitExtras, Database, DatabaseOptions, Transaction};

const TABLE: &str = "rows";

fn database() -> Database {
    let database = Database::open(DatabaseOptions::in_memory()).unwrap();
    let table = TableDefinition::new(TABLE, Validator::Any).index("by_ab", ["a", "n.b"]);
    database.apply_schema(&Schema::new(vec![table])).unwrap();
    database
}

/// A field's value: few different ones of several types, or missing.
fn field() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        (0..3_i64).prop_map(|n| Some(Value::Int64(n))),
        (0..4).prop_map(|n| Some(Value::Float64(f64::from(n)))),
        "[ab]{0,2}".prop_map(|text| Some(Value::String(text))),
    ]
}

fn document() -> impl Strategy<Value = Object> {
    (field(), field()).prop_map(|(a, b)| {
        let mut nested = Object::new();
        b.into_iter().for_each(|b| drop(nested.insert("b", b)));
        let mut fields = object! {"n" => nested};
        a.into_iter().for_each(|a| drop(fields.insert("a", a)));
        fields
    })
}

/// What happens to the table; positions are taken modulo the number of rows.
#[derive(Clone, Debug)]
enum Step {
    Insert(Object),
    Replace(usize, Object),
    Delete(usize),
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => document().prop_map(Step::Insert),
        2 => (any::<usize>(), document()).prop_map(|(row, fields)| Step::Replace(row, fields)),
        1 => any::<usize>().prop_map(Step::Delete),
        1 => Just(Step::Commit),
    ]
}

fn operator() -> impl Strategy<Value = RangeOperator> {
    prop_oneof![
        Just(RangeOperator::Eq),
        Just(RangeOperator::Gt),
        Just(RangeOperator::Gte),
        Just(RangeOperator::Lt),
        Just(RangeOperator::Lte),
    ]
}

/// Legal ranges on `by_ab`.
fn range() -> impl Strategy<Value = Vec<RangeExpression>> {
    let names = ["a", "n.b"];
    (proptest::collection::vec(field(), 0..=2), proptest::option::of((operator(), field())), any::<bool>())
        .prop_map(move |(equal, bound, both)| {
            let expression =
                |operator, field: &str, value| RangeExpression { operator, field: field.to_owned(), value };
            let mut range: Vec<_> = equal
                .into_iter()
                .zip(names)
                .map(|(value, name)| expression(RangeOperator::Eq, name, value))
                .collect();
            if let (Some((operator, value)), Some(name)) = (bound, names.get(range.len())) {
                range.push(expression(operator, name, value.clone()));
                if both && matches!(operator, RangeOperator::Gt | RangeOperator::Gte) {
                    range.push(expression(RangeOperator::Lte, name, Some(Value::from("a"))));
                }
            }
            range
        })
}

type Row = (DocumentId, f64, Object);

fn fields_of(row: &Row) -> [Option<&Value>; 2] {
    [row.2.get("a"), row.2.get_path("n.b")]
}

fn index_order(a: &Row, b: &Row) -> Ordering {
    fields_of(a).cmp(&fields_of(b)).then(a.1.total_cmp(&b.1)).then(a.0.cmp(&b.0))
}

/// What the query should give.
fn model(rows: &[Row], range: &[RangeExpression], order: Order) -> Vec<DocumentId> {
    let mut rows: Vec<&Row> = rows
        .iter()
        .filter(|row| {
            range.iter().all(|expression| {
                let found = row.2.get_path(&expression.field).cmp(&expression.value.as_ref());
                match expression.operator {
                    RangeOperator::Eq => found.is_eq(),
                    RangeOperator::Gt => found.is_gt(),
                    RangeOperator::Gte => found.is_ge(),
                    RangeOperator::Lt => found.is_lt(),
                    RangeOperator::Lte => found.is_le(),
                }
            })
        })
        .collect();
    rows.sort_by(|a, b| index_order(a, b));
    if order == Order::Desc {
        rows.reverse();
    }
    rows.into_iter().map(|row| row.0).collect()
}

fn query(range: &[RangeExpression], order: Order) -> Query {
    let source = QuerySource::IndexRange {
        table: TABLE.to_owned(),
        index: "by_ab".to_owned(),
        range: range.to_vec(),
        order,
    };
    Query { source, operators: vec![] }
}

fn collect(tx: &mut Transaction, query: &Query) -> Vec<DocumentId> {
    let mut stream = tx.query(query).unwrap();
    std::iter::from_fn(|| stream.next(tx).unwrap()).map(|document| document.id()).collect()
}

/// Applies steps to database and model; leaves the last transaction open.
fn play(database: &Database, steps: &[Step], rows: &mut Vec<Row>) -> Transaction {
    let mut tx = database.begin_mutation();
    for step in steps {
        match step {
            Step::Insert(fields) => {
                let id = tx.insert(TABLE, fields.clone()).unwrap();
                let document = tx.get(id).unwrap().unwrap();
                rows.push((id, document.creation_time(), fields.clone()));
            }
            Step::Replace(row, fields) if !rows.is_empty() => {
                let row = row % rows.len();
                tx.replace(rows[row].0, fields.clone()).unwrap();
                rows[row].2 = fields.clone();
            }
            Step::Delete(row) if !rows.is_empty() => {
                let (id, ..) = rows.swap_remove(row % rows.len());
                tx.delete(id).unwrap();
            }
            Step::Commit => {
                let committed = database.commit(tx, CommitExtras::default()).unwrap();
                database.wait_durable(committed.ts).unwrap();
                tx = database.begin_mutation();
            }
            Step::Replace(..) | Step::Delete(_) => {}
        }
    }
    tx
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn ranges_are_the_sorted_vector_with_own_writes_and_without(
        steps in proptest::collection::vec(step(), 0..40),
        ranges in proptest::collection::vec(range(), 1..6),
    ) {
        let database = database();
        let mut rows = Vec::new();
        let mut tx = play(&database, &steps, &mut rows);
        for range in &ranges {
            for order in [Order::Asc, Order::Desc] {
                prop_assert_eq!(collect(&mut tx, &query(range, order)), model(&rows, range, order));
            }
        }
        prop_assert_eq!(tx.count(TABLE).unwrap(), rows.len() as u64);
        let committed = database.commit(tx, CommitExtras::default()).unwrap();
        database.wait_durable(committed.ts).unwrap();
        let mut tx = database.begin_query();
        for range in &ranges {
            prop_assert_eq!(collect(&mut tx, &query(range, Order::Asc)), model(&rows, range, Order::Asc));
        }
    }

    #[test]
    fn pages_stay_adjacent_while_rows_come_and_go(
        before in proptest::collection::vec(step(), 0..30),
        after in proptest::collection::vec(step(), 0..30),
        range in range(),
        descending in any::<bool>(),
        page_size in 1..7_usize,
    ) {
        let database = database();
        let order = if descending { Order::Desc } else { Order::Asc };
        let query = query(&range, order);
        let mut rows = Vec::new();
        let tx = play(&database, &before, &mut rows);
        database.commit(tx, CommitExtras::default()).unwrap();

        let (mut cursor, mut journals, mut seen) = (None, Vec::new(), Vec::new());
        loop {
            let mut tx = database.begin_mutation();
            let request = PageRequest { cursor: cursor.clone(), page_size, ..PageRequest::default() };
            let page = tx.paginate(&query, &request).unwrap();
            prop_assert!(page.page.len() <= page_size);
            seen.extend(page.page.iter().map(Document::id));
            journals.push((cursor, tx.take_journal().unwrap()));
            if page.is_done {
                break;
            }
            cursor = Some(page.continue_cursor);
        }
        prop_assert_eq!(&seen, &model(&rows, &range, order));

        let tx = play(&database, &after, &mut rows);
        database.commit(tx, CommitExtras::default()).unwrap();
        let mut again = Vec::new();
        for (cursor, journal) in journals {
            let mut tx = database.begin_mutation();
            tx.set_journal(Some(&journal));
            let page = tx.paginate(&query, &PageRequest { cursor, page_size, ..PageRequest::default() }).unwrap();
            prop_assert_eq!(tx.take_journal().unwrap(), journal, "pages end where they ended");
            if let Some(split) = page.split_cursor {
                let request = PageRequest { cursor: Some(split), end_cursor: Some(page.continue_cursor), page_size: 1, ..PageRequest::default() };
                let half = tx.paginate(&query, &request).unwrap();
                let whole: Vec<_> = page.page.iter().map(Document::id).collect();
                let half: Vec<_> = half.page.iter().map(Document::id).collect();
                prop_assert!(whole.ends_with(&half) && half.len() < whole.len());
            }
            again.extend(page.page.iter().map(Document::id));
        }
        prop_assert_eq!(&again, &model(&rows, &range, order));
    }
}

use crate::database::Document;

#[test]
fn cursors_are_deterministic_and_bound_to_their_query() {
    let database = database();
    let mut tx = database.begin_mutation();
    for n in 0..5 {
        tx.insert(TABLE, object! {"a" => f64::from(n)}).unwrap();
    }
    let all = query(&[], Order::Asc);
    let request = PageRequest { page_size: 2, ..PageRequest::default() };
    let first = tx.paginate(&all, &request).unwrap();
    assert_eq!(first.continue_cursor, tx.paginate(&all, &request).unwrap().continue_cursor);
    let request = PageRequest { cursor: Some(first.continue_cursor), ..request };
    let error = tx.paginate(&query(&[], Order::Desc), &request).unwrap_err();
    assert!(
        error.message().starts_with("InvalidCursor: Tried to run a query starting from a cursor"),
        "{error}"
    );
    assert_eq!(
        error.data(),
        Some(&Value::from(object! {"isConvexSystemError" => true, "paginationError" => "InvalidCursor"}))
    );
    let request = PageRequest { cursor: Some("nonsense".to_owned()), page_size: 2, ..PageRequest::default() };
    assert!(tx.paginate(&all, &request).unwrap_err().message().starts_with("InvalidCursor"));
}

#[test]
fn a_page_that_hits_a_read_limit_asks_to_be_split() {
    let database = database();
    let mut tx = database.begin_mutation();
    for n in 0..10 {
        tx.insert(TABLE, object! {"a" => f64::from(n)}).unwrap();
    }
    let filter = Expression::field("a").compare(expression::Comparison::Gte, Expression::literal(8.0));
    let rare = Query { operators: vec![QueryOperator::Filter(filter)], ..query(&[], Order::Asc) };
    let request = PageRequest { page_size: 5, maximum_rows_read: Some(4), ..PageRequest::default() };
    let page = tx.paginate(&rare, &request).unwrap();
    assert_eq!(
        (page.page.len(), page.is_done, page.page_status),
        (0, false, Some(PageStatus::SplitRequired))
    );
    let request = PageRequest { cursor: Some(page.continue_cursor), maximum_rows_read: Some(50), ..request };
    let page = tx.paginate(&rare, &request).unwrap();
    assert_eq!((page.page.len(), page.is_done, page.page_status), (2, true, None));
    let error = tx.paginate(&rare, &PageRequest::default()).unwrap_err();
    assert_eq!(error.code(), "NoDocumentsForPagination");
}

#[test]
fn bad_ranges_name_the_field() {
    let database = database();
    let mut tx = database.begin_mutation();
    let expression =
        |operator, field: &str| RangeExpression { operator, field: field.to_owned(), value: None };
    for (range, fragment) in [
        (vec![expression(RangeOperator::Eq, "n.b")], "the next field of the index is \"a\""),
        (
            vec![expression(RangeOperator::Gt, "a"), expression(RangeOperator::Eq, "n.b")],
            "tried to query field \"n.b\"",
        ),
        (
            vec![expression(RangeOperator::Gt, "a"), expression(RangeOperator::Gte, "a")],
            "more than one lower bound",
        ),
        (vec![expression(RangeOperator::Gt, "a"), expression(RangeOperator::Eq, "a")], "after an inequality"),
    ] {
        let error = tx.query(&query(&range, Order::Asc)).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "InvalidIndexRange");
        assert!(error.message().contains(fragment), "{error}");
    }
    let missing = Query {
        source: QuerySource::IndexRange {
            table: TABLE.to_owned(),
            index: "by_x".to_owned(),
            range: vec![],
            order: Order::Asc,
        },
        operators: vec![],
    };
    assert_eq!(tx.query(&missing).map(|_| ()).unwrap_err().message(), "Index rows.by_x not found.");
}

#[test]
fn implicit_fields_can_be_used_in_ranges() {
    let database = database();
    let mut tx = database.begin_mutation();
    let ids: Vec<_> = (0..4).map(|_| tx.insert(TABLE, object! {"a" => 1.0}).unwrap()).collect();
    let times: Vec<_> = ids.iter().map(|id| tx.get(*id).unwrap().unwrap().creation_time()).collect();
    let expression = |operator, field: &str, value: Value| RangeExpression {
        operator,
        field: field.to_owned(),
        value: Some(value),
    };
    let range = [
        expression(RangeOperator::Eq, "a", Value::from(1.0)),
        RangeExpression { operator: RangeOperator::Eq, field: "n.b".to_owned(), value: None },
        expression(RangeOperator::Gt, "_creationTime", Value::from(times[1])),
    ];
    assert_eq!(collect(&mut tx, &query(&range, Order::Asc)), ids[2..]);
    let by_id = |range| Query {
        source: QuerySource::IndexRange {
            table: TABLE.to_owned(),
            index: "by_id".to_owned(),
            range,
            order: Order::Asc,
        },
        operators: vec![],
    };
    let mut sorted = ids;
    sorted.sort();
    let from = expression(RangeOperator::Gte, "_id", Value::from(sorted[1]));
    assert_eq!(collect(&mut tx, &by_id(vec![from])), sorted[1..]);
    let above_prefix = expression(RangeOperator::Lt, "_id", Value::from("zzz"));
    assert_eq!(collect(&mut tx, &by_id(vec![above_prefix])), sorted);
    let other_type = expression(RangeOperator::Gt, "_id", Value::from(object! {}));
    assert_eq!(collect(&mut tx, &by_id(vec![other_type])), []);
}
