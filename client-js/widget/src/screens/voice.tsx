import { Button, PhoneIcon, Spinner } from "fusion-ui";
import { useEffect, useRef, useState } from "preact/hooks";

import type { View } from "../app.tsx";
import { MicrophoneIcon } from "../icons.tsx";
import { Screen } from "../screen.tsx";
import type { Voice } from "../voice.ts";
import type { Call } from "../voice_call.ts";

type Line = { readonly speaker: "You" | "Assistant"; readonly text: string };
type Stage = { readonly name: "idle" | "connecting" | "talking" | "ended" } | { readonly name: "failed"; readonly reason: string };

/** A call with the organisation's assistant, by the browser's microphone. */
export function CallScreen({ voice: { publicApiKey, assistantId }, onShow }: { readonly voice: Voice; readonly onShow: (view: View) => void }) {
  const [stage, setStage] = useState<Stage>({ name: "idle" });
  const [isSpeaking, setIsSpeaking] = useState(false);
  const [isMuted, setIsMuted] = useState(false);
  const [lines, setLines] = useState<readonly Line[]>([]);
  const call = useRef<Call | undefined>(undefined);
  const isLeft = useRef(false);
  useEffect(() => () => {
    isLeft.current = true;
    call.current?.end();
  }, []);

  const start = async () => {
    if (!publicApiKey || !assistantId) return;
    setStage({ name: "connecting" });
    setLines([]);
    setIsMuted(false);
    try {
      // Most visitors never call: what it takes is only loaded now.
      const { startCall } = await import("../voice_call.ts");
      call.current = await startCall(publicApiKey, assistantId, {
        onStart: () => setStage({ name: "talking" }),
        onEnd: () => setStage((now) => (now.name === "failed" ? now : { name: "ended" })),
        onSpeaking: setIsSpeaking,
        onLine: (line) => setLines((former) => [...former, line]),
      });
      // Whoever went away while it was connecting does not want it any more.
      if (isLeft.current) call.current.end();
    } catch (error) {
      setStage({ name: "failed", reason: error instanceof Error ? error.message : "The call could not be started." });
    }
  };
  const isTalking = stage.name === "talking";
  return (
    <Screen title="Voice call" onBack={() => onShow({ name: "home" })}>
      <div class="widget-call">
        <div class={`widget-call-mark${isTalking && isSpeaking ? " widget-call-speaking" : ""}`}>
          {stage.name === "connecting" ? <Spinner /> : <MicrophoneIcon />}
        </div>
        <p role="status" class="widget-call-stage">
          {stage.name === "idle" && "You need a microphone. Your browser will ask whether it may be used."}
          {stage.name === "connecting" && "Connecting…"}
          {isTalking && (isSpeaking ? "The assistant is speaking" : "Listening")}
          {stage.name === "ended" && "The call has ended."}
        </p>
        {stage.name === "failed" && (
          <div class="ui-notice ui-notice-danger" role="alert">
            <span><strong>The call could not be made.</strong> {stage.reason} You can write to us instead.</span>
          </div>
        )}
        {lines.length > 0 && (
          <div class="widget-call-lines" role="log" aria-label="What was said" tabIndex={0}>
            {lines.map(({ speaker, text }, index) => <p key={index}><strong>{speaker}:</strong> {text}</p>)}
          </div>
        )}
        <div class="widget-call-actions">
          {isTalking
            ? (
              <>
                <Button
                  aria-pressed={isMuted}
                  onClick={() => {
                    call.current?.mute(!isMuted);
                    setIsMuted(!isMuted);
                  }}
                >
                  {isMuted ? "Unmute" : "Mute"}
                </Button>
                <Button variant="danger" onClick={() => call.current?.end()}>End the call</Button>
              </>
            )
            : (
              <Button variant="primary" busy={stage.name === "connecting"} onClick={() => void start()}>
                {stage.name === "idle" || stage.name === "connecting" ? "Start the call" : "Call again"}
              </Button>
            )}
        </div>
      </div>
    </Screen>
  );
}

/** The organisation's telephone number. */
export function PhoneScreen({ phoneNumber, onShow }: { readonly phoneNumber: string | undefined; readonly onShow: (view: View) => void }) {
  return (
    <Screen title="Call us" onBack={() => onShow({ name: "home" })}>
      <div class="widget-call">
        <div class="widget-call-mark"><PhoneIcon /></div>
        {phoneNumber === undefined
          ? <p role="status">Calls are not taken at the moment.</p>
          : (
            <>
              <p class="widget-call-number">{phoneNumber}</p>
              <div class="widget-call-actions">
                <a class="ui-button ui-button-primary" href={`tel:${phoneNumber.replace(/[^+\d*#]/g, "")}`}>Call now</a>
              </div>
            </>
          )}
      </div>
    </Screen>
  );
}
