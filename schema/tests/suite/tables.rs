//! Schemas: their JSON, the rules they must keep, and the check of documents.

use fusion_schema::{
    DocumentId, FieldValidator, Object, Schema, TableDefinition, TableNumber, Validator, object,
};
use serde_json::{Value as Json, json};

fn no_tables(_: TableNumber) -> Option<String> {
    None
}

fn text() -> Validator {
    Validator::object([("text", FieldValidator::required(Validator::String))])
}

fn messages() -> TableDefinition {
    TableDefinition::new("messages", text())
}

/// The code and text the schema of one table is refused with.
fn refusal(table: TableDefinition) -> (&'static str, String) {
    let error = Schema::new(vec![table]).check().unwrap_err();
    (error.code, error.message)
}

#[test]
fn json_goes_both_ways() {
    let json = json!({
        "tables": [{
            "tableName": "messages",
            "indexes": [{"indexDescriptor": "by_channel", "fields": ["channel", "author.name"]}],
            "stagedDbIndexes": [{"indexDescriptor": "by_author", "fields": ["author"]}],
            "searchIndexes": [{"indexDescriptor": "search_body", "searchField": "body", "filterFields": ["channel"]}],
            "stagedSearchIndexes": [],
            "vectorIndexes": [{"indexDescriptor": "by_emb", "vectorField": "emb", "dimensions": 1536, "filterFields": []}],
            "stagedVectorIndexes": [],
            "documentType": {"type": "object", "value": {"body": {"fieldType": {"type": "string"}, "optional": false}}},
        }],
        "schemaValidation": true,
    });
    let schema = Schema::from_json(&json).unwrap();
    schema.check().unwrap();
    assert_eq!(schema.to_json(), json);
    assert_eq!(schema.table("messages").unwrap().vector_indexes[0].dimensions, 1536);
    assert_eq!(schema.table("missing"), None);
}

#[test]
fn what_older_packages_leave_out_has_a_default() {
    let schema = Schema::from_json(&json!({"tables": [
        {"tableName": "a", "indexes": [], "vectorIndexes": [
            {"indexDescriptor": "v", "vectorField": "e", "dimensions": 3.0, "filterFields": []}]},
    ]}))
    .unwrap();
    assert!(!schema.schema_validation);
    assert!(schema.tables[0].document_type.is_any());
    assert_eq!(schema.tables[0].vector_indexes[0].dimensions, 3);
}

#[test]
fn system_fields_are_dropped_from_document_types() {
    let field = json!({"fieldType": {"type": "any"}, "optional": false});
    let object = json!({"type": "object", "value": {"_id": field, "_creationTime": field, "x": field}});
    for (document_type, printed) in [
        (object.clone(), "v.object({x: v.any()})"),
        (
            json!({"type": "union", "value": [object, {"type": "any"}]}),
            "v.union(v.object({x: v.any()}), v.any())",
        ),
    ] {
        let table =
            TableDefinition::from_json(&json!({"tableName": "t", "documentType": document_type})).unwrap();
        assert_eq!(table.document_type.to_string(), printed);
    }
}

#[test]
fn what_is_no_schema_is_refused() {
    for (json, fragment) in [
        (json!([]), "must be an object"),
        (json!({"tables": {}}), "\"tables\" must be an array"),
        (json!({"tables": [{}]}), "\"tableName\""),
        (json!({"tables": [{"tableName": "t", "indexes": [{"fields": []}]}]}), "\"indexDescriptor\""),
        (
            json!({"tables": [{"tableName": "t", "indexes": [{"indexDescriptor": "i", "fields": [1]}]}]}),
            "\"fields\" must hold strings",
        ),
        (
            json!({"tables": [{"tableName": "t", "vectorIndexes": [
                {"indexDescriptor": "i", "vectorField": "v", "dimensions": 1.5}]}]}),
            "positive integer",
        ),
        (json!({"tables": [{"tableName": "t", "documentType": {"type": "date"}}]}), "Table \"t\": "),
    ] {
        let error = Schema::from_json(&json).unwrap_err().to_string();
        assert!(error.contains(fragment), "{json}: {error}");
    }
}

#[test]
fn every_rule_has_its_code() {
    let field = |name: &str| Validator::object([(name, FieldValidator::required(Validator::Any))]);
    let many: Vec<String> = (0..17).map(|number| format!("f{number}")).collect();
    let cases: Vec<(TableDefinition, &str, &str)> = vec![
        (TableDefinition::new("my table", text()), "InvalidTableName", "\"my table\""),
        (TableDefinition::new("_mine", text()), "ReservedTableName", "\"_mine\""),
        (TableDefinition::new("t", field("_x")), "InvalidTopLevelFieldName", "\"_x\""),
        (TableDefinition::new("t", Validator::String), "InvalidDocumentType", "`v.string()`"),
        (
            TableDefinition::new("t", Validator::Union(vec![text(), Validator::Null])),
            "InvalidDocumentType",
            "`v.null()`",
        ),
        (messages().index("by text", ["text"]), "InvalidIndexName", "\"by text\""),
        (messages().index("_by_text", ["text"]), "ReservedIndexName", "\"_by_text\""),
        (messages().index("by_id", ["text"]), "ReservedIndexName", "\"by_id\""),
        (messages().index("by_creation_time", ["text"]), "ReservedIndexName", "reserved"),
        (messages().index("i", [] as [&str; 0]), "EmptyIndex", "no fields"),
        (messages().index("i", many.clone()), "TooManyIndexFields", "17 fields"),
        (messages().index("i", ["a", "_creationTime"]), "IndexFieldsContainCreationTime", "leave it out"),
        (messages().index("i", ["_id"]), "ReservedIndexField", "\"_id\""),
        (messages().index("i", ["_x"]), "ReservedIndexField", "\"_x\""),
        (messages().index("i", ["a", "a"]), "DuplicateIndexField", "twice"),
        (messages().index("i", ["a..b"]), "InvalidIndexField", "\"a..b\""),
        (messages().index("i", ["a"]).index("i", ["b"]), "DuplicateIndex", "twice"),
        (messages().index("i", ["a"]).search_index("i", "a", [] as [&str; 0]), "DuplicateIndex", "twice"),
        (messages().index("i", ["a"]).index("j", ["a"]), "IndexNotUnique", "same fields as \"i\""),
        (messages().search_index("i", "a", many.clone()), "TooManyFilterFields", "17 filter"),
        (messages().search_index("i", "_id", [] as [&str; 0]), "ReservedIndexField", "\"_id\""),
        (messages().vector_index("i", "a", 8, ["b", "b"]), "DuplicateIndexField", "\"b\""),
        (messages().vector_index("i", "a", 1, [] as [&str; 0]), "InvalidVectorDimensions", "1 dimensions"),
        (messages().vector_index("i", "a", 4097, [] as [&str; 0]), "InvalidVectorDimensions", "4097"),
        (TableDefinition::new("t", Validator::Any), "", ""),
        (messages().index("i", ["a.b.c"]).index("j", many[..16].to_vec()), "", ""),
    ];
    for (table, code, fragment) in cases {
        if code.is_empty() {
            Schema::new(vec![table]).check().unwrap();
            continue;
        }
        let (found, message) = refusal(table);
        assert_eq!(found, code, "{message}");
        assert!(message.contains(fragment), "{code}: {message}");
    }
}

#[test]
fn staged_indexes_count_and_share_names() {
    let mut table = messages().index("i", ["a"]);
    table.staged_indexes = messages().index("i", ["b"]).indexes;
    assert_eq!(refusal(table).0, "DuplicateIndex");

    let table =
        (0..64).fold(messages(), |table, number| table.index(format!("i{number}"), [format!("f{number}")]));
    Schema::new(vec![table.clone()]).check().unwrap();
    let mut more = table;
    more.staged_search_indexes = messages().search_index("s", "text", [] as [&str; 0]).search_indexes;
    assert_eq!(refusal(more).0, "TooManyIndexes");
}

#[test]
fn tables_are_defined_once_and_references_lead_somewhere() {
    let error = Schema::new(vec![messages(), messages()]).check().unwrap_err();
    assert_eq!(error.code, "DuplicateTable");

    let to = |name: &str| {
        Validator::object([(
            "to",
            FieldValidator::optional(Validator::Array(Box::new(Validator::Id(name.into())))),
        )])
    };
    let circle = vec![TableDefinition::new("a", to("b")), TableDefinition::new("b", to("a"))];
    Schema::new(circle).check().unwrap();
    for name in ["_storage", "_scheduled_functions"] {
        Schema::new(vec![TableDefinition::new("a", to(name))]).check().unwrap();
    }
    for name in ["nowhere", "_modules"] {
        let (code, message) = refusal(TableDefinition::new("a", to(name)));
        assert_eq!(code, "MissingTable");
        assert!(message.contains(&format!("v.id(\"{name}\")")), "{message}");
    }
}

fn document(fields: Object) -> Object {
    let mut document = fields;
    document.insert("_id", DocumentId::new(TableNumber(10001), [0; 16]));
    document.insert("_creationTime", 1.5);
    document
}

#[test]
fn documents_are_checked_without_their_system_fields() {
    let schema = Schema::new(vec![messages()]);
    let check = |fields: Object| schema.check_document("messages", &document(fields), &no_tables);
    check(object! { "text" => "hi" }).unwrap();
    let error = check(object! { "text" => 1.0 }).unwrap_err();
    let id = DocumentId::new(TableNumber(10001), [0; 16]);
    assert_eq!(
        error.for_write("messages"),
        "Failed to insert or update a document in table \"messages\" because it does not match the schema: \
         Value does not match validator.\nPath: .text\nValue: 1.0\nValidator: v.string()"
    );
    assert_eq!(
        error.for_document(id, "messages"),
        format!(
            "Document with ID \"{id}\" in table \"messages\" does not match the schema: Value does not match \
             validator.\nPath: .text\nValue: 1.0\nValidator: v.string()"
        )
    );
    assert!(
        check(object! {}).unwrap_err().to_string().contains("Object: {_creationTime: 1.5, _id: \"j57000"),
        "the whole document is shown"
    );
    assert!(check(object! { "text" => "hi", "more" => 1.0 }).is_err());
    // Nested fields of these names are ordinary ones.
    let nested = Validator::object([("inner", FieldValidator::required(text()))]);
    let table = TableDefinition::new("t", nested);
    let inner = object! { "inner" => document(object! { "text" => "hi" }) };
    assert!(table.check_document(&document(inner), &no_tables).is_err());
}

#[test]
fn unions_any_and_unknown_tables_take_documents() {
    let other = Validator::object([("number", FieldValidator::required(Validator::Float64))]);
    let mut schema = Schema::new(vec![
        TableDefinition::new("either", Validator::Union(vec![text(), other])),
        TableDefinition::new("free", Validator::Any),
    ]);
    let check = |schema: &Schema, table: &str, fields: Object| {
        schema.check_document(table, &document(fields), &no_tables).is_ok()
    };
    assert!(check(&schema, "either", object! { "text" => "hi" }));
    assert!(check(&schema, "either", object! { "number" => 1.0 }));
    assert!(!check(&schema, "either", object! { "number" => 1.0, "text" => "hi" }));
    assert!(check(&schema, "free", object! { "x" => 1.0 }));
    assert!(check(&schema, "elsewhere", object! { "x" => 1.0 }));
    schema.schema_validation = false;
    assert!(check(&schema, "either", object! { "x" => 1.0 }));
}

#[test]
fn visible_system_tables_have_types() {
    use fusion_schema::Table as _;
    use fusion_schema::table::{ScheduledFunction, StoredFile};
    let json: Json = ScheduledFunction::definition().to_json();
    assert_eq!(json["tableName"], "_scheduled_functions");
    assert_eq!(StoredFile::NAME, "_storage");
}

#[test]
fn fusion_chat_keeps_the_rules() {
    let schema = fusion_schema::tables::schema();
    schema.check().unwrap();
    assert_eq!(Schema::from_json(&schema.to_json()).unwrap(), schema);
    let indexes: Vec<String> = schema
        .tables
        .iter()
        .flat_map(|table| table.indexes.iter().map(|index| format!("{}.{}", table.name, index.name)))
        .collect();
    for index in [
        "subscriptions.by_organization_id",
        "widgetSettings.by_organization_id",
        "plugins.by_organization_id",
        "plugins.by_organization_id_and_service",
        "conversations.by_organization_id",
        "conversations.by_contact_session_id",
        "conversations.by_thread_id",
        "conversations.by_status_and_organization_id",
        "contactSessions.by_organization_id",
        "contactSessions.by_expires_at",
        "rateLimits.by_key_and_window",
    ] {
        assert!(indexes.iter().any(|name| name == index), "{index}");
    }
}
