// Where the deployment's log is sent to: a webhook, made, given another key, and deleted.

import { useEffect, useState } from "preact/hooks";
import { useQueryResult } from "fusion-client/preact";
import { Badge, Button, ConfirmDialog, Dialog, ErrorState, SelectField, SkeletonLines, TextField, messageOf, toast, toastError } from "fusion-ui";
import { useDeployment } from "../deployment.tsx";
import { system } from "../system.ts";
import type { LogSink } from "../system.ts";
import { Fact } from "./fact.tsx";

const TONES = { active: "success", failed: "danger" } as const;

function CreateDialog({ onClose }: { onClose: () => void }) {
  const { api } = useDeployment();
  const [url, setUrl] = useState("");
  const [format, setFormat] = useState("json");
  const [error, setError] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const create = async (event: Event) => {
    event.preventDefault();
    setIsBusy(true);
    try {
      await api.post("/api/v1/create_log_stream", { logStreamType: "webhook", url, format });
      onClose();
    } catch (failure) {
      setError(messageOf(failure));
      setIsBusy(false);
    }
  };
  return (
    <Dialog
      open
      title="Send the log to a webhook"
      onClose={onClose}
      footer={<><Button onClick={onClose}>Cancel</Button><Button variant="primary" type="submit" form="create-log-stream" busy={isBusy}>Send</Button></>}
    >
      <form id="create-log-stream" class="stack" onSubmit={(event: Event) => void create(event)} noValidate>
        <TextField
          label="URL"
          type="url"
          value={url}
          error={error}
          spellcheck={false}
          autocomplete="off"
          onInput={(event: Event) => {
            setUrl((event.target as HTMLInputElement).value);
            setError(undefined);
          }}
        />
        <SelectField label="Format" value={format} onChange={(event: Event) => setFormat((event.target as HTMLSelectElement).value)}>
          <option value="json">JSON: an array of events</option>
          <option value="jsonl">JSONL: an event in each line</option>
        </SelectField>
      </form>
    </Dialog>
  );
}

/** The key of the stream's signatures, which no subscription carries. */
function useSecret(id: string, round: number): string | undefined {
  const { api } = useDeployment();
  const [secret, setSecret] = useState<string>();
  useEffect(() => {
    const controller = new AbortController();
    api.get<{ hmacSecret: string }>(`/api/v1/get_log_stream/${id}`, {}, controller.signal).then(
      ({ hmacSecret }) => setSecret(hmacSecret),
      (error: unknown) => {
        if (!controller.signal.aborted) toastError(error);
      },
    );
    return () => controller.abort();
  }, [api, id, round]);
  return secret;
}

function Stream({ sink }: { sink: LogSink }) {
  const { api } = useDeployment();
  const [round, setRound] = useState(0);
  const [asked, setAsked] = useState<"rotate" | "delete">();
  const [isBusy, setIsBusy] = useState(false);
  const secret = useSecret(sink._id, round);
  const isRotation = asked === "rotate";
  const act = async () => {
    setIsBusy(true);
    try {
      await api.post(`/api/v1/${isRotation ? "rotate_webhook_secret" : "delete_log_stream"}/${sink._id}`);
      toast(isRotation ? "The stream has another key." : "The log is no longer sent.");
      setRound(round + 1);
      setAsked(undefined);
    } catch (error) {
      toastError(error);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <>
      <dl class="facts">
        <Fact title="URL" value={sink.config.url} />
        <Fact title="Format" value={sink.config.format} />
        <Fact title="Topics" value={sink.config.topics?.join(", ") ?? "all"} />
        <Fact title="Key of signatures" value={secret} isSecret />
      </dl>
      {sink.status.reason !== undefined && <p class="is-error" role="alert">{sink.status.reason}</p>}
      <div class="page-actions">
        <Button onClick={() => setAsked("rotate")}>New key</Button>
        <Button variant="danger" onClick={() => setAsked("delete")}>Delete</Button>
      </div>
      <ConfirmDialog
        open={asked !== undefined}
        title={isRotation ? "Give the stream another key?" : "Delete the log stream?"}
        action={isRotation ? "New key" : "Delete"}
        busy={isBusy}
        onConfirm={() => void act()}
        onClose={() => setAsked(undefined)}
      >
        <p>{isRotation ? "Signatures are made with the new key from then on. The receiver has to know it." : "Events that wait to be sent are lost."}</p>
      </ConfirmDialog>
    </>
  );
}

/** The stream, if there is one. */
export function LogStream() {
  const result = useQueryResult(system.logSinks, {});
  const [isCreating, setIsCreating] = useState(false);
  const sink = result.status === "success" ? result.value[0] : undefined;
  const tone = TONES[sink?.status.type as keyof typeof TONES] ?? "neutral";
  return (
    <section class="card stack" aria-label="Log stream">
      <h2>Log stream {sink && <Badge tone={tone}>{sink.status.type}</Badge>}</h2>
      {result.status === "loading" && <SkeletonLines count={1} />}
      {result.status === "error" && <ErrorState error={result.error} />}
      {sink && <Stream sink={sink} />}
      {result.status === "success" && !sink && (
        <>
          <p class="muted">What functions print, how they end and what administrators do can be sent to a webhook as it happens.</p>
          <div><Button onClick={() => setIsCreating(true)}>Add a webhook</Button></div>
        </>
      )}
      {isCreating && <CreateDialog onClose={() => setIsCreating(false)} />}
    </section>
  );
}
