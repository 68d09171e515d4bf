//! `dataModel`: the types of documents and ids, from the module of the schema.

use super::header;

const ABOUT: &str = "The types of this app's documents and ids.";

/// `dataModel.d.ts`, for a project with or without a schema.
pub(super) fn declarations(has_schema: bool) -> String {
    format!("{}{}", header(ABOUT), if has_schema { WITH_SCHEMA } else { WITHOUT_SCHEMA })
}

const WITH_SCHEMA: &str = r#"import type {
  DataModelFromSchemaDefinition,
  DocumentByName,
  TableNamesInDataModel,
  SystemTableNames,
} from "convex/server";
import type { GenericId } from "convex/values";
import schema from "../schema.js";

/** The names of the tables. */
export type TableNames = TableNamesInDataModel<DataModel>;

/** A document of a table: `Doc<"messages">`. */
export type Doc<TableName extends TableNames> = DocumentByName<
  DataModel,
  TableName
>;

/** The id of a document of a table: `Id<"messages">`. A string at run time. */
export type Id<TableName extends TableNames | SystemTableNames> =
  GenericId<TableName>;

/** The tables with their documents and indexes, for generic code. */
export type DataModel = DataModelFromSchemaDefinition<typeof schema>;
"#;

const WITHOUT_SCHEMA: &str = r#"import { AnyDataModel } from "convex/server";
import type { GenericId } from "convex/values";

// There is no schema.ts, so nothing is known about the documents. With one, these types become exact.

/** The names of the tables: any. */
export type TableNames = string;

/** A document: anything. */
export type Doc = any;

/** The id of a document of a table: `Id<"messages">`. A string at run time. */
export type Id<TableName extends TableNames = TableNames> =
  GenericId<TableName>;

/** The tables with their documents and indexes: any. */
export type DataModel = AnyDataModel;
"#;
