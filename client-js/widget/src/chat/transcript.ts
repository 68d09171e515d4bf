import type { Message } from "../functions.ts";

/** How far a conversation has come, as far as a visitor sees it. */
export interface Transcript {
  /** What was said, newest first. */
  readonly messages: readonly Message[];
  /** The visitor's last message if it waits for the assistant, which has said nothing yet. */
  readonly waiting: Message | undefined;
  /** The visitor's last message if no answer came and none will. */
  readonly unanswered: Message | undefined;
}

/** Whether it was the visitor who spoke. */
export function isVisitors(message: Message): boolean {
  return message.message?.role === "user";
}

/** Whether it says something: not the assistant's use of its tools. */
function isSpoken({ message, text }: Message): boolean {
  return (message?.role === "user" || message?.role === "assistant") && text !== undefined && text.trim() !== "";
}

/** Makes a transcript of a thread's messages, newest first. */
export function transcribe(thread: readonly Message[]): Transcript {
  const messages: Message[] = [];
  let laterText: string | undefined;
  for (const message of thread.filter(isSpoken)) {
    if (isVisitors(message)) {
      // It was not answered and has been said again.
      const isRepeated = message.status === "failed" && message.text === laterText;
      laterText = message.text;
      if (isRepeated) continue;
    } else if (message.status !== "failed") {
      laterText = undefined;
    }
    messages.push(message);
  }
  const index = messages.findIndex(isVisitors);
  const last = messages[index];
  const isAnswered = messages.slice(0, Math.max(index, 0)).some(({ status }) => status !== "failed");
  return {
    messages,
    waiting: last?.status === "pending" && !isAnswered ? last : undefined,
    unanswered: last?.status === "failed" && !isAnswered ? last : undefined,
  };
}
