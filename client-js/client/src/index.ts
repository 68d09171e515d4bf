// A typed client for the sync protocol, without dependencies: for pages, workers and Node.

export type { AuthTokenFetcher } from "./authentication.ts";
export { FusionClient } from "./client.ts";
export type { FusionClientOptions, MutationOptions } from "./client_options.ts";
export type { WebSocketConstructor } from "./connection.ts";
export { compareValues } from "./compare.ts";
export type { ConnectionState } from "./connection_state.ts";
export { FusionError } from "./error.ts";
export type { Logger } from "./log.ts";
export type { OptimisticLocalStore, OptimisticUpdate } from "./optimistic.ts";
export { insertAtBottomIfLoaded, insertAtPosition, insertAtTop, type ItemToInsert, type ListToUpdate, updateInPages } from "./optimistic_pages.ts";
export { PaginatedQuery, type PaginatedResult, type PaginationOptions, type PaginationResult, type PaginationStatus } from "./paginated_query.ts";
export { LOADING, type QueryResult } from "./query_set.ts";
export {
  anyApi,
  type AnyApi,
  type ArgsOf,
  type FunctionKind,
  type FunctionName,
  functionName,
  type FunctionReference,
  type GenericId,
  type ItemOf,
  makeFunctionReference,
  type OptionalArgs,
  type PageArgsOf,
  type ReturnsOf,
} from "./reference.ts";
export type { Unsubscribe, Watch } from "./subscription.ts";
export { decode, encode, type Json, type Value } from "./value.ts";
