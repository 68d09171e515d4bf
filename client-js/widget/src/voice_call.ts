// Calls with an organisation's assistant at Vapi. Its library is large and is loaded with this file, when somebody calls.

import Vapi from "@vapi-ai/web";

/** A call that has begun. */
export interface Call {
  end(): void;
  mute(isMuted: boolean): void;
}

/** What one wants to know of a call. */
export interface CallEvents {
  onStart(): void;
  onEnd(): void;
  /** Whether the assistant is speaking. */
  onSpeaking(isSpeaking: boolean): void;
  /** Something was said. */
  onLine(line: { speaker: "You" | "Assistant"; text: string }): void;
}

const UNREACHABLE = "The voice service could not be reached or did not take the call.";

/** Asks for the microphone, so that it is known before a call is made whether there is one. */
async function askForMicrophone(): Promise<void> {
  // Browsers have none for pages without encryption, and pages around may not hand theirs on.
  if (!("mediaDevices" in navigator)) throw new Error("This page may not use a microphone.");
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    const isRefused = error instanceof DOMException && error.name === "NotAllowedError";
    throw new Error(isRefused ? "The microphone may not be used." : "No microphone was found.");
  }
  for (const track of stream.getTracks()) track.stop();
}

/** The library's class: bundlers disagree about where the default of such a module is. */
function library(): typeof Vapi {
  const module = Vapi as typeof Vapi | { default: typeof Vapi };
  return "default" in module ? module.default : module;
}

/** What a message of the service says that somebody said, once it is complete. */
function lineOf(message: unknown): { speaker: "You" | "Assistant"; text: string } | undefined {
  const { type, transcriptType, role, transcript } = Object(message) as Record<string, unknown>;
  if (type !== "transcript" || transcriptType !== "final" || typeof transcript !== "string") return undefined;
  return { speaker: role === "user" ? "You" : "Assistant", text: transcript };
}

/** Calls an assistant. */
export async function startCall(publicApiKey: string, assistantId: string, events: CallEvents): Promise<Call> {
  await askForMicrophone();
  // Code from text is forbidden here: what Daily loads, it loads as a script.
  const vapi = new (library())(publicApiKey, undefined, { avoidEval: true });
  let isOver = false;
  vapi.on("call-start", events.onStart);
  vapi.on("call-end", () => {
    isOver = true;
    events.onEnd();
  });
  vapi.on("speech-start", () => events.onSpeaking(true));
  vapi.on("speech-end", () => events.onSpeaking(false));
  vapi.on("message", (message: unknown) => {
    const line = lineOf(message);
    if (line) events.onLine(line);
  });
  // It also tells of troubles that do not end a call; what keeps one from starting is told by `start`.
  vapi.on("error", () => undefined);
  const end = () => {
    if (!isOver) void vapi.stop();
  };
  if ((await vapi.start(assistantId)) === null) {
    end();
    throw new Error(UNREACHABLE);
  }
  return { end, mute: (isMuted) => vapi.setMuted(isMuted) };
}
