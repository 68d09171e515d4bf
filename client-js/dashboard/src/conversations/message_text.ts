import type { Message } from "../functions.ts";

/** Who said something. */
export function roleOf(message: Message): "system" | "user" | "assistant" | "tool" {
  return message.message?.role ?? "assistant";
}

const DEEDS: { readonly [tool: string]: string } = {
  searchTool: "searched the knowledge base",
  escalateConversationTool: "handed the conversation over to an operator",
  resolveConversationTool: "marked the conversation as resolved",
};

/** What the assistant did in a message that calls a tool, in words; nothing for the results of tools. */
export function deedOf(message: Message): string | undefined {
  if (roleOf(message) !== "assistant") return undefined;
  const content: unknown = message.message?.content;
  if (!Array.isArray(content)) return undefined;
  const names = content.flatMap((part: unknown) => {
    if (typeof part !== "object" || part === null || !("toolName" in part)) return [];
    return typeof part.toolName === "string" ? [part.toolName] : [];
  });
  return names.map((name) => DEEDS[name] ?? `used ${name}`).join(", ") || undefined;
}

/** Whether a message is a line of the conversation for its readers: something said, being said, or gone wrong. */
export function isShown(message: Message): boolean {
  if (message.tool) return deedOf(message) !== undefined;
  return message.status !== "success" || (message.text ?? "") !== "";
}
