import { encode } from "fusion-client";

/** The largest file: as text, which is how it is sent, it has a third more, and a call may have 16 MiB. */
export const FILE_SIZE_MAX = 12_000_000;

type Answer = { readonly status?: string; readonly errorMessage?: string; readonly errorData?: unknown; readonly message?: string };

/**
 * Adds a file to the knowledge base. Over HTTP, not over the client's socket: only there a browser says how much it has sent,
 * and other calls need not wait for the file to go through.
 */
export async function upload(file: File, category: string, token: string, onProgress: (sent: number) => void): Promise<void> {
  const args = encode({ filename: file.name, mimeType: file.type, bytes: await file.arrayBuffer(), ...(category && { category }) });
  const body = JSON.stringify({ path: "private/files:addFile", format: "convex_encoded_json", args: [args] });
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/action");
    request.setRequestHeader("Content-Type", "application/json");
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded / total);
    request.onerror = () => reject(new Error("The connection was lost."));
    request.onload = () => {
      const answer = parse(request.responseText);
      if (answer.status === "success") resolve();
      else reject(new Error(wordsOf(answer) ?? `The server answered ${request.status}.`));
    };
    request.send(body);
  });
}

function parse(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return {};
  }
}

function wordsOf({ errorData, errorMessage, message }: Answer): string | undefined {
  if (typeof errorData === "object" && errorData !== null && "message" in errorData && typeof errorData.message === "string") return errorData.message;
  return errorMessage ?? message;
}
