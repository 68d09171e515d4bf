// The text of an uploaded file, as the knowledge base searches it.

import { generateText } from "ai";
import { badRequest } from "./errors";
import { chatModel, documentModel } from "./models";

const MODEL_BYTES_MAX = 5 * 1024 * 1024;
const IMAGES = new Set(["image/jpeg", "image/png", "image/webp", "image/gif"]);

const DESCRIBE = `Turn the image into text for a knowledge base. If it shows writing, copy it exactly, tables as Markdown. If it shows
something else, describe what can be seen in a few plain sentences. Return only the text.`;
const TRANSCRIBE = `Turn the document into Markdown for a knowledge base. Keep all of its text, its headings, lists and tables; add nothing.
Return only the Markdown.`;

/** What is to be read: the bytes, and where the file lies. */
export type File = { filename: string; mimeType: string; bytes: ArrayBuffer; url: string };

function requireSmall({ bytes, mimeType }: File): void {
  if (bytes.byteLength <= MODEL_BYTES_MAX) return;
  const advice = "Please upload a smaller file or split it into smaller parts.";
  throw badRequest(`File is too large for AI extraction (${mimeType}). ${advice}`);
}

/** Models read images and documents; plain text is as it is. */
export async function extractTextContent(file: File): Promise<string> {
  const { mimeType, bytes, url, filename } = file;
  if (mimeType === "text/plain") return new TextDecoder().decode(bytes);
  if (IMAGES.has(mimeType)) {
    requireSmall(file);
    const content = [{ type: "image" as const, image: new URL(url) }];
    const { text } = await generateText({ model: chatModel(), system: DESCRIBE, messages: [{ role: "user", content }] });
    return text;
  }
  if (mimeType.includes("pdf")) {
    requireSmall(file);
    const content = [
      { type: "file" as const, data: bytes, mediaType: mimeType, filename },
      { type: "text" as const, text: "Extract the text of this document." },
    ];
    const { text } = await generateText({ model: documentModel(), system: TRANSCRIBE, messages: [{ role: "user", content }] });
    return text;
  }
  if (mimeType.includes("text")) {
    requireSmall(file);
    const { text } = await generateText({ model: documentModel(), system: TRANSCRIBE, prompt: new TextDecoder().decode(bytes) });
    return text;
  }
  throw badRequest(`Unsupported MIME type: ${mimeType}`);
}
