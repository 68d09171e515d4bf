// Running a function: who, with which arguments, and what came out.

import { useEffect, useRef, useState } from "preact/hooks";
import { Badge, Button, CopyButton, SelectField, messageOf } from "fusion-ui";
import { ArgumentsForm, initialDraft, readArguments, switchDraft } from "./arguments.tsx";
import { follow, run } from "./runner.ts";
import type { Caller, Run } from "./runner.ts";
import type { CallableFunction } from "./spec.ts";
import { useScope } from "../component.tsx";
import { useDeployment } from "../deployment.tsx";
import { clock, count, duration } from "../parts/figures.ts";
import { PlayIcon } from "../parts/icons.tsx";
import { LiteralField, readObject } from "../parts/literal_field.tsx";
import { format } from "../values/format.ts";

interface Shown extends Run {
  readonly updates: number;
  readonly at: number;
  readonly isLive: boolean;
}

const IDENTITY = '{\n  subject: "user_1",\n  issuer: "https://issuer.example",\n  name: "Ada",\n}';

function Result({ shown, onStop }: { shown: Shown; onStop: () => void }) {
  const { result, logLines } = shown;
  const text = "error" in result ? result.error : format(result.value);
  return (
    <section class="run-result" aria-label="Result" aria-live="polite">
      <header>
        <h2>{"error" in result ? "Error" : "Result"}</h2>
        {"error" in result ? <Badge tone="danger">failed</Badge> : <Badge tone="success">success</Badge>}
        <span class="muted">{duration(shown.milliseconds / 1000)}</span>
        {shown.isLive && (
          <>
            <Badge tone="accent">live</Badge>
            <span class="muted">{shown.updates === 0 ? "no change yet" : `${count(shown.updates)} ${shown.updates === 1 ? "change" : "changes"}, the last at ${clock(shown.at)}`}</span>
            <Button size="sm" variant="quiet" onClick={onStop}>Stop following</Button>
          </>
        )}
        <CopyButton text={text} label="Copy" variant="quiet" />
      </header>
      <pre tabIndex={0} aria-label="Value" class={"error" in result ? "is-error" : undefined}>{text}</pre>
      {"error" in result && result.data !== undefined && (
        <>
          <h2>Data of the error</h2>
          <pre tabIndex={0} aria-label="Data of the error">{format(result.data)}</pre>
        </>
      )}
      <h2>Log</h2>
      {logLines.length === 0 ? <p class="muted">It printed nothing.</p> : <pre tabIndex={0} aria-label="Log lines">{logLines.join("\n")}</pre>}
    </section>
  );
}

/** The panel. */
export function RunPanel({ called }: { called: CallableFunction }) {
  const { api } = useDeployment();
  const { path: component } = useScope();
  const [draft, setDraft] = useState(() => initialDraft(called.args));
  const [errors, setErrors] = useState<ReadonlyMap<string, string>>(new Map());
  const [kind, setKind] = useState<Caller["kind"]>("admin");
  const [identity, setIdentity] = useState(IDENTITY);
  const [identityError, setIdentityError] = useState<string>();
  const [shown, setShown] = useState<Shown>();
  const [failure, setFailure] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const stop = useRef<(() => void) | undefined>(undefined);
  /** Why only administrators can call it. */
  const nobody = component !== "" ? "clients call the app only" : called.isPublic ? undefined : "it is internal";
  const isHttp = called.kind === "HttpAction";
  const end = () => {
    stop.current?.();
    stop.current = undefined;
    setShown((before) => before && { ...before, isLive: false });
  };
  useEffect(() => () => stop.current?.(), []);

  const start = async () => {
    const read = readArguments(draft, called.args);
    setErrors(read.errors);
    const who = kind === "user" ? readObject(identity) : undefined;
    setIdentityError(who?.error);
    if (read.value === undefined || who?.error !== undefined) return;
    const args = read.value;
    const caller: Caller = who?.value === undefined ? { kind: kind as "admin" | "nobody" } : { kind: "user", identity: who.value };
    end();
    setIsBusy(true);
    setFailure(undefined);
    try {
      const done = await run(api, called, component, args, caller);
      setShown({ ...done, updates: 0, at: Date.now(), isLive: called.kind === "Query" });
      if (called.kind === "Query") {
        const first = "value" in done.result ? format(done.result.value) : done.result.error;
        let isFirst = true;
        stop.current = follow(api, called, component, args, caller, (result) => {
          // The first one is usually the same again.
          const isChange = !isFirst || ("value" in result && format(result.value) !== first);
          isFirst = false;
          if (isChange) setShown((before) => before && { ...before, result, updates: before.updates + 1, at: Date.now() });
        });
      }
    } catch (error) {
      setFailure(messageOf(error));
    }
    setIsBusy(false);
  };
  if (isHttp) return <p class="ui-notice">This is an HTTP route: call it with any HTTP client at the deployment's site URL.</p>;
  return (
    <div class="run">
      <form
        class="stack"
        aria-label="Run"
        noValidate
        onSubmit={(event: Event) => {
          event.preventDefault();
          void start();
        }}
      >
        <SelectField label="Run as" value={kind} onChange={(event: Event) => setKind((event.target as HTMLSelectElement).value as Caller["kind"])}>
          <option value="admin">administrator</option>
          <option value="user">a user</option>
          <option value="nobody" disabled={nobody !== undefined}>nobody ({nobody ?? "not signed in"})</option>
        </SelectField>
        {kind === "user" && (
          <LiteralField label="Identity" hint="What ctx.auth.getUserIdentity() gives." text={identity} error={identityError} onText={setIdentity} />
        )}
        {called.args?.type === "object" && Object.keys(called.args.value).length > 0 && (
          <Button size="sm" class="align-start" onClick={() => setDraft(switchDraft(draft, called.args))}>
            {draft.isRaw ? "Fill in a form" : "Write as one value"}
          </Button>
        )}
        <ArgumentsForm validator={called.args} draft={draft} errors={errors} onDraft={setDraft} onSubmit={() => void start()} />
        <Button variant="primary" type="submit" class="align-start" busy={isBusy} icon={<PlayIcon />}>Run {called.kind.toLowerCase()}</Button>
      </form>
      <div class="run-out">
        {failure !== undefined && <p role="alert" class="ui-notice ui-notice-danger">{failure}</p>}
        {shown ? <Result shown={shown} onStop={end} /> : <p class="muted placeholder">The result will stand here{called.kind === "Query" ? " and follow the data" : ""}.</p>}
      </div>
    </div>
  );
}
