import { useEffect, useRef, useState } from "preact/hooks";

import type { Message } from "../functions.ts";
import { isVisitors } from "./transcript.ts";

/** More than all steps of a turn. */
const STEPS = 1_000_000;

/** Who speaks in a message, for people. */
export function speakerOf(message: Message): string {
  return isVisitors(message) ? "You" : (message.agentName ?? "Support");
}

/**
 * What a screen reader is to say: messages of the others, once each is complete. Nobody wants to hear a reply grow, nor what
 * was there before; only the greeting of a new conversation is read out.
 */
export function useAnnouncement(messages: readonly Message[], isLoading: boolean): string {
  const heard = useRef<number | undefined>(undefined);
  const [text, setText] = useState("");
  useEffect(() => {
    if (isLoading) return;
    const complete = messages.filter((message) => !isVisitors(message) && message.status !== "pending");
    const position = ({ order, stepOrder }: Message) => order * STEPS + stepOrder;
    const since = heard.current ?? (messages.length === 1 ? -1 : Math.max(...complete.map(position), -1));
    const fresh = complete.filter((message) => position(message) > since);
    heard.current = Math.max(since, ...fresh.map(position));
    if (fresh.length > 0) setText(fresh.reverse().map((message) => `${speakerOf(message)}: ${message.text ?? ""}`).join("\n"));
  }, [messages, isLoading]);
  return text;
}
