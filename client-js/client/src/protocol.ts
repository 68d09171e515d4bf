import { base64ToWord, wordToBase64 } from "./base64.ts";
import type { Json } from "./value.ts";

/** The version of the protocol, in the terms of the package that first spoke it. */
export const PROTOCOL_VERSION = "1.48.0";

/** A timestamp as it travels. */
export type Timestamp = string;

/** The number of a timestamp. */
export function timestamp(text: Timestamp): bigint {
  return base64ToWord(text).getBigUint64(0, true);
}

/** A function in the component at a path; in the app if there is none. */
export function calledFunction(udfPath: string, args: Json, componentPath: string | undefined): CalledFunction {
  return { udfPath, args: [args], ...(componentPath === undefined ? {} : { componentPath }) };
}

/** A number as a timestamp. */
export function timestampText(number: bigint): Timestamp {
  return wordToBase64((view) => view.setBigUint64(0, number, true));
}

/** Which function, with what. */
export interface CalledFunction {
  readonly udfPath: string;
  readonly args: readonly [Json];
  /** The component that it is in, if it is not the app. */
  readonly componentPath?: string;
}

/** Adds a query to the set, or takes one away. */
export type QuerySetModification =
  | ({ readonly type: "Add"; readonly queryId: number; readonly journal?: string } & CalledFunction)
  | { readonly type: "Remove"; readonly queryId: number };

/** Who the calls are from. */
export type Credentials =
  | { readonly tokenType: "User"; readonly value: string }
  | { readonly tokenType: "Admin"; readonly value: string; readonly impersonating?: Json }
  | { readonly tokenType: "None" };

/** What a client sends. */
export type ClientMessage =
  | {
      readonly type: "Connect";
      readonly sessionId: string;
      readonly connectionCount: number;
      readonly lastCloseReason: string;
      readonly maxObservedTimestamp?: Timestamp;
      readonly clientTs: number;
    }
  | {
      readonly type: "ModifyQuerySet";
      readonly baseVersion: number;
      readonly newVersion: number;
      readonly modifications: readonly QuerySetModification[];
    }
  | ({ readonly type: "Mutation" | "Action"; readonly requestId: number } & CalledFunction)
  | ({ readonly type: "Authenticate"; readonly baseVersion: number } & Credentials);

/** What a state of the server's is the answer to. */
export interface StateVersion {
  readonly querySet: number;
  readonly identity: number;
  readonly ts: Timestamp;
}

/** The version on both sides when a connection begins. */
export const INITIAL_VERSION: StateVersion = { querySet: 0, identity: 0, ts: timestampText(0n) };

/** A change of one query's result. */
export type StateModification =
  | { readonly type: "QueryUpdated"; readonly queryId: number; readonly value: Json; readonly logLines: readonly string[]; readonly journal: string | null }
  | {
      readonly type: "QueryFailed";
      readonly queryId: number;
      readonly errorMessage: string;
      readonly errorData?: Json;
      readonly logLines: readonly string[];
      readonly journal: string | null;
    }
  | { readonly type: "QueryRemoved"; readonly queryId: number };

/** The step from one state to the next. */
export interface Transition {
  readonly type: "Transition";
  readonly startVersion: StateVersion;
  readonly endVersion: StateVersion;
  readonly modifications: readonly StateModification[];
  readonly clientClockSkew?: number | null;
}

/** A piece of a transition that is too long for one message. */
export interface TransitionChunk {
  readonly type: "TransitionChunk";
  readonly chunk: string;
  readonly partNumber: number;
  readonly totalParts: number;
  readonly transitionId: string;
}

/** How a mutation or an action ended. */
export type CallResponse = {
  readonly type: "MutationResponse" | "ActionResponse";
  readonly requestId: number;
  readonly logLines: readonly string[];
} & (
  | { readonly success: true; readonly result: Json; readonly ts?: Timestamp }
  | { readonly success: false; readonly result: string; readonly errorData?: Json }
);

/** The server does not take a token, or no longer. */
export interface AuthError {
  readonly type: "AuthError";
  readonly error: string;
  readonly baseVersion: number | null;
  readonly authUpdateAttempted: boolean;
}

/** What a server sends. */
export type ServerMessage =
  | Transition
  | TransitionChunk
  | CallResponse
  | AuthError
  | { readonly type: "FatalError"; readonly error: string }
  | { readonly type: "Ping" };
