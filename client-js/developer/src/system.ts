// The server's own functions that the pages call, with what they take and return.

import { makeFunctionReference } from "fusion-client";
import type { FunctionReference } from "fusion-client";
import type { Doc, Value } from "./values/value.ts";

type Empty = Record<string, never>;
/** Which part of a list. */
export interface PaginationOptions {
  readonly numItems: number;
  readonly cursor: string | null;
  readonly endCursor?: string;
}
/** A part of a list. */
export interface Page<T> {
  readonly page: T[];
  readonly isDone: boolean;
  readonly continueCursor: string;
}
/** A query that gives a list in parts. */
export type PaginatedQuery<T> = FunctionReference<"query", "public", { paginationOpts: PaginationOptions } & Record<string, Value | PaginationOptions | undefined>, Page<T>>;

function query<Args, Returns>(name: string): FunctionReference<"query", "public", Args, Returns> {
  return makeFunctionReference<"query", Args, Returns>(`_system/${name}`);
}
function mutation<Args, Returns>(name: string): FunctionReference<"mutation", "public", Args, Returns> {
  return makeFunctionReference<"mutation", Args, Returns>(`_system/${name}`);
}
function pages<T>(name: string): PaginatedQuery<T> {
  return makeFunctionReference<"query">(`_system/${name}`) as unknown as PaginatedQuery<T>;
}

/** What a change of documents ended with. */
export type Changed = { success: true } | { success: false; error: string };

/** A document that waits to be run. */
export interface Job {
  readonly _id: string;
  readonly _creationTime: number;
  readonly nextTs: bigint | null;
  readonly udfPath: string;
  /** The component that the function is in, if it is not the one that scheduled it. */
  readonly component?: string;
  readonly state: { readonly type: string };
  readonly udfArgs?: ArrayBuffer | null;
  readonly argsId?: string | null;
}

/** A run of a cron. */
export interface CronRun {
  readonly _id?: string;
  readonly name: string;
  readonly ts: bigint;
  readonly udfPath: string;
  readonly status: { readonly type: string; readonly error?: string; readonly result?: Value; readonly num_canceled?: bigint };
  readonly logLines?: { readonly logLines: Value[]; readonly isTruncated?: boolean };
  readonly executionTime: number;
}

/** A cron with what it did and will do. */
export interface Cron {
  readonly _id: string;
  readonly name: string;
  readonly cronSpec: { readonly udfPath: string; readonly udfArgs: ArrayBuffer; readonly cronSchedule: { readonly type: string } & Record<string, Value> };
  readonly lastRun: CronRun | null;
  readonly nextRun: { readonly nextTs: bigint; readonly state: { readonly type: string } } | null;
}

/** A stored file. */
export interface StoredFile {
  readonly _id: string;
  readonly _creationTime: number;
  readonly sha256: string;
  readonly size: number;
  readonly contentType?: string | null;
  readonly url?: string | null;
}

/** An environment variable. */
export interface Variable {
  readonly _id?: string;
  readonly _creationTime?: number;
  readonly name: string;
  readonly value: string;
}

/** An index of a table. */
export interface Index {
  readonly table: string;
  readonly name: string;
  readonly fields:
    | string[]
    | { readonly searchField: string; readonly filterFields: string[] }
    | { readonly vectorField: string; readonly filterFields: string[]; readonly dimensions: number };
  readonly backfill: { readonly state: string; readonly stats?: { readonly numDocsIndexed: number; readonly totalDocs: number | null } };
  readonly staged?: boolean;
}

/** A component of the deployment; the root has no name. */
export interface Component {
  readonly id: string | null;
  readonly name: string | null;
  readonly path: string;
  readonly state: string;
  readonly httpPrefix?: string | null;
}

/** An export. */
export interface ExportRecord {
  readonly _id?: string;
  readonly _creationTime?: number;
  readonly state: "requested" | "in_progress" | "completed" | "failed" | "canceled";
  readonly start_ts?: bigint;
  readonly complete_ts?: bigint;
  readonly expiration_ts?: bigint;
  readonly size?: bigint;
  readonly format?: { readonly format: string; readonly include_storage?: boolean };
}

/** An import. */
export interface ImportRecord {
  readonly _id: string;
  readonly _creationTime: number;
  readonly format?: Value;
  readonly mode?: Value;
  readonly state: { readonly state: string } & Record<string, Value>;
}

/** Where the log is sent to. */
export interface LogSink {
  readonly _id: string;
  readonly config: { readonly url: string; readonly format: string; readonly topics: string[] | null };
  readonly status: { readonly type: string; readonly reason?: string };
}

/** Something that an administrator did. */
export interface DeploymentEvent {
  readonly _id: string;
  readonly _creationTime: number;
  readonly action: string;
  readonly metadata: Value;
}

const frontend = "frontend/";

/** Every function. */
export const system = {
  tables: query<Empty, Record<string, string>>(`${frontend}getTableMapping`),
  tableSize: query<{ tableName: string }, number>(`${frontend}tableSize`),
  schemas: query<Empty, { active?: string; inProgress?: string }>(`${frontend}getSchemas`),
  documents: pages<Doc | { filter: number; error: string }>(`${frontend}paginatedTableDocuments`),
  document: query<{ id: string }, Doc | null>(`${frontend}getById`),
  indexes: query<{ tableName: string; tableNamespace: string | null }, Index[]>(`${frontend}indexes`),
  addDocuments: mutation<{ table: string; documents: Value[] }, Changed>(`${frontend}addDocument`),
  replaceDocument: mutation<{ id: string; document: Value }, Changed>(`${frontend}replaceDocument`),
  patchDocuments: mutation<{ table: string; fields: Value; ids?: string[] }, Changed>(`${frontend}patchDocumentsFields`),
  deleteDocuments: mutation<{ toDelete: { id: string; tableName: string }[] }, Changed>(`${frontend}deleteDocuments`),
  clearTablePage: mutation<{ tableName: string; cursor: string | null }, { deleted: number; hasMore: boolean; continueCursor: string }>(`${frontend}clearTablePage`),
  createTable: mutation<{ table: string }, null>(`${frontend}createTable`),
  fileCount: query<Empty, number>(`${frontend}fileStorageV2:numFiles`),
  files: pages<StoredFile>(`${frontend}fileStorageV2:fileMetadata`),
  uploadUrl: mutation<Empty, string>(`${frontend}fileStorageV2:generateUploadUrl`),
  deleteFiles: mutation<{ storageIds: string[] }, null>(`${frontend}fileStorageV2:deleteFiles`),
  jobs: pages<Job>(`${frontend}paginatedScheduledJobs`),
  jobArgs: query<{ argsId: string }, { args: ArrayBuffer } | null>(`${frontend}scheduler:getArgs`),
  crons: query<Empty, Cron[]>(`${frontend}listCronJobs`),
  cronRuns: query<Empty, CronRun[]>(`${frontend}listCronJobRuns`),
  variables: query<Empty, Variable[]>(`${frontend}listEnvironmentVariables`),
  components: query<Empty, Component[]>(`${frontend}components:list`),
  latestExport: query<Empty, ExportRecord | null>(`${frontend}latestExport`),
  imports: query<Empty, ImportRecord[]>(`${frontend}snapshotImport:list`),
  cloudUrl: query<Empty, string>(`${frontend}convexCloudUrl`),
  siteUrl: query<Empty, string>(`${frontend}convexSiteUrl`),
  packageVersion: query<Empty, string | null>(`${frontend}getVersion`),
  authProviders: query<Empty, Value[]>(`${frontend}listAuthProviders`),
  deploymentState: query<Empty, { state: string }>(`${frontend}deploymentState:deploymentState`),
  logSinks: query<Empty, LogSink[]>(`${frontend}listConfiguredSinks`),
  events: pages<DeploymentEvent>(`${frontend}paginatedDeploymentEvents`),
} as const;
