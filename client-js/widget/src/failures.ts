// What goes wrong, in words for visitors.

import { FusionError } from "fusion-client";

/** The code an application's error carries, such as "UNAUTHORIZED". */
export function codeOf(error: unknown): string | undefined {
  const data: unknown = error instanceof FusionError ? error.data : undefined;
  const code: unknown = typeof data === "object" && data !== null && "code" in data ? data.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Whether the visitor has to say again who they are. */
export function isSessionOver(error: unknown): boolean {
  return codeOf(error) === "UNAUTHORIZED";
}

/** What happened, for people. What is not meant for them is replaced by `otherwise`. */
export function wordsOf(error: unknown, otherwise: string): string {
  const data: unknown = error instanceof FusionError ? error.data : undefined;
  const message: unknown = typeof data === "object" && data !== null && "message" in data ? data.message : data;
  return typeof message === "string" && message !== "" ? message : otherwise;
}
