import { messageOf } from "fusion-ui";
import { useRef, useState } from "preact/hooks";

import { useSession } from "../session/context.ts";
import { FILE_SIZE_MAX, upload } from "./upload.ts";

/** A file on its way. */
export type Upload = {
  readonly id: number;
  readonly file: File;
  readonly category: string;
  readonly state: "waiting" | "sending" | "reading" | "failed";
  /** How much was sent, from 0 to 1. */
  readonly sent: number;
  readonly error?: string;
};

/** So many files are sent at once; the others wait. */
const AT_ONCE = 2;

/** Sends files, and says how far they are until the list has them. */
export function useUploads() {
  const { session } = useSession();
  const [uploads, setUploads] = useState<readonly Upload[]>([]);
  // What is drawn may be older than what is going on.
  const current = useRef<readonly Upload[]>([]);
  const lastId = useRef(0);
  const set = (next: readonly Upload[]) => {
    current.current = next;
    setUploads(next);
  };
  const change = (id: number, values: Partial<Upload>) => set(current.current.map((one) => (one.id === id ? { ...one, ...values } : one)));
  const remove = (id: number) => set(current.current.filter((one) => one.id !== id));

  const send = async ({ id, file, category }: Upload) => {
    change(id, { state: "sending", sent: 0 });
    try {
      const token = await session.token(false);
      if (token === null) throw new Error("Your sign-in has ended.");
      await upload(file, category, token, (sent) => change(id, sent < 1 ? { sent } : { state: "reading", sent: 1 }));
      remove(id);
    } catch (error) {
      change(id, { state: "failed", error: messageOf(error) });
    }
    next();
  };
  const next = () => {
    const going = current.current.filter(({ state }) => state === "sending" || state === "reading").length;
    const waiting = current.current.filter(({ state }) => state === "waiting");
    for (const one of waiting.slice(0, Math.max(0, AT_ONCE - going))) void send(one);
  };
  const add = (files: readonly File[], category: string) => {
    const added = files.map((file): Upload => {
      lastId.current += 1;
      const one = { id: lastId.current, file, category, sent: 0 };
      return file.size > FILE_SIZE_MAX ? { ...one, state: "failed", error: "Files may have 12 MB at most." } : { ...one, state: "waiting" };
    });
    set([...current.current, ...added]);
    next();
  };
  const retry = (id: number) => {
    const { error: _, ...one } = current.current.find((other) => other.id === id) ?? {};
    if ("file" in one) change(id, { state: "waiting" });
    next();
  };
  return { uploads, add, retry, remove };
}
