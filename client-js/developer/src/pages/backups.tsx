// Everything in a file, and files into tables.

import { useEffect, useRef, useState } from "preact/hooks";
import { useQueryResult } from "fusion-client/preact";
import { Badge, Button, CheckField, EmptyState, ErrorState, RelativeTime, SelectField, SkeletonLines, Spinner, Table, TextField, toastError } from "fusion-ui";
import type { Api } from "../api.ts";
import { useDeployment } from "../deployment.tsx";
import { bytes, count, moment } from "../parts/figures.ts";
import { DownloadIcon } from "../parts/icons.tsx";
import { PageHead } from "../parts/page_head.tsx";
import { useAttempt } from "../parts/use_attempt.ts";
import { system } from "../system.ts";
import type { ExportRecord, ImportRecord } from "../system.ts";

const CHUNK_BYTES = 5 * 1024 * 1024;
const NANOS_PER_MS = 1_000_000n;

const FORMATS = { zip: "Snapshot (ZIP)", csv: "CSV", jsonLines: "JSON Lines", jsonArray: "JSON array" } as const;
type Format = keyof typeof FORMATS;

const MODES = {
  requireEmpty: "only into an empty table",
  append: "add to what is there",
  replace: "replace these tables",
  replaceAll: "replace everything",
} as const;
type Mode = keyof typeof MODES;

function formatOf(name: string): Format | undefined {
  const ending = name.toLowerCase().split(".").at(-1);
  return ({ zip: "zip", csv: "csv", jsonl: "jsonLines", ndjson: "jsonLines", json: "jsonArray" } as const)[ending ?? ""];
}

/** Sends a file in pieces and starts its import; gives the import's id. */
async function startImport(api: Api, file: File, options: { format: Format; mode: Mode; tableName: string }, onProgress: (share: number) => void): Promise<string> {
  const { uploadToken } = await api.post<{ uploadToken: string }>("/api/import/start_upload");
  const partTokens: string[] = [];
  for (let at = 0, part = 1; at < file.size || part === 1; at += CHUNK_BYTES, part += 1) {
    const piece = file.slice(at, at + CHUNK_BYTES, "application/octet-stream");
    const url = `${api.url}/api/import/upload_part?${new URLSearchParams({ uploadToken, partNumber: String(part) }).toString()}`;
    partTokens.push(await api.upload<string>(url, piece, (share) => onProgress((at + share * piece.size) / Math.max(file.size, 1))));
  }
  const { format, mode, tableName } = options;
  const body = { import: { format, mode, ...(format === "zip" ? {} : { tableName }) }, uploadToken, partTokens };
  return (await api.post<{ importId: string }>("/api/import/finish_upload", body)).importId;
}

/** Saves what an address gives as a file: the key travels in a header, so a link alone would not do. */
async function download(api: Api, id: string): Promise<void> {
  const response = await api.fetch(`/api/export/zip/${id}`);
  const name = /filename="?([^";]+)/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "snapshot.zip";
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function ExportView() {
  const { api } = useDeployment();
  const latest = useQueryResult(system.latestExport, {});
  const [hasFiles, setHasFiles] = useState(false);
  const request = useAttempt(toastError);
  const loading = useAttempt(toastError);
  const record: ExportRecord | null = latest.status === "success" ? latest.value : null;
  const isRunning = record?.state === "requested" || record?.state === "in_progress";
  return (
    <section class="card stack" aria-label="Export">
      <h2>Export</h2>
      <p class="muted">All tables as they are at one moment, in a ZIP file that can be imported here or anywhere else.</p>
      <CheckField label="With the stored files" checked={hasFiles} onChange={() => setHasFiles(!hasFiles)} />
      <Button
        variant="primary"
        class="align-start"
        busy={request.isBusy || isRunning}
        onClick={() => void request.run(() => api.post(`/api/export/request/zip?includeStorage=${hasFiles}`))}
      >
        Export
      </Button>
      {latest.status === "loading" && <SkeletonLines count={1} />}
      {latest.status === "error" && <ErrorState error={latest.error} />}
      {latest.status === "success" && record === null && <p class="muted">There is no export yet.</p>}
      {record && (
        <div class="record" role="status">
          {isRunning && <><Spinner /> <span>The export is being made…</span></>}
          {record.state === "failed" && <Badge tone="danger">failed</Badge>}
          {record.state === "canceled" && <Badge>canceled</Badge>}
          {record.state === "completed" && record.start_ts !== undefined && (
            <>
              <Badge tone="success">ready</Badge>
              <span>{moment(Number(record.start_ts / NANOS_PER_MS))}{record.size === undefined ? "" : `, ${bytes(Number(record.size))}`}</span>
              <Button
                size="sm"
                icon={<DownloadIcon />}
                busy={loading.isBusy}
                onClick={() => void loading.run(() => download(api, String(record.start_ts)))}
              >
                Download
              </Button>
            </>
          )}
        </div>
      )}
    </section>
  );
}

function ImportForm() {
  const { api } = useDeployment();
  const [file, setFile] = useState<File>();
  const [format, setFormat] = useState<Format>("zip");
  const [mode, setMode] = useState<Mode>("requireEmpty");
  const [tableName, setTableName] = useState("");
  const [progress, setProgress] = useState(0);
  const { isBusy, error, setError, run } = useAttempt();
  const picker = useRef<HTMLInputElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    if (!file || (format !== "zip" && tableName.trim() === "")) {
      setError(file ? "Name the table." : "Choose a file.");
      return;
    }
    setProgress(0);
    void run(async () => {
      await startImport(api, file, { format, mode, tableName: tableName.trim() }, setProgress);
      setFile(undefined);
      if (picker.current) picker.current.value = "";
    });
  };
  const value = (event: Event) => (event.target as HTMLInputElement).value;
  return (
    <form class="card stack" aria-label="Import" onSubmit={submit} noValidate>
      <h2>Import</h2>
      <p class="muted">A snapshot of all tables, or documents for one. What would be deleted is shown before it is.</p>
      <label class="ui-field">
        <span class="ui-field-label">File</span>
        <input
          ref={picker}
          class="ui-input"
          type="file"
          accept=".zip,.csv,.json,.jsonl,.ndjson"
          onChange={(event: Event) => {
            const chosen = (event.target as HTMLInputElement).files?.[0];
            setFile(chosen);
            if (!chosen) return;
            setFormat(formatOf(chosen.name) ?? format);
            if (tableName === "") setTableName(chosen.name.replace(/\..*$/, "").replace(/\W/g, "_"));
          }}
        />
      </label>
      <div class="filter-line">
        <SelectField label="Format" value={format} onChange={(event: Event) => setFormat(value(event) as Format)}>
          {Object.entries(FORMATS).map(([id, title]) => <option key={id} value={id}>{title}</option>)}
        </SelectField>
        <SelectField label="Mode" value={mode} onChange={(event: Event) => setMode(value(event) as Mode)}>
          {Object.entries(MODES).filter(([id]) => id !== "replaceAll" || format === "zip").map(([id, title]) => <option key={id} value={id}>{title}</option>)}
        </SelectField>
        {format !== "zip" && <TextField label="Table" value={tableName} spellcheck={false} onInput={(event: Event) => setTableName(value(event))} />}
      </div>
      {error !== undefined && <p role="alert" class="ui-field-error">{error}</p>}
      <Button variant="primary" class="align-start" type="submit" busy={isBusy}>Upload</Button>
      {isBusy && <progress aria-label="Upload" max={1} value={progress} />}
    </form>
  );
}

function ImportRow({ record }: { record: ImportRecord }) {
  const { api } = useDeployment();
  const { state } = record;
  const [isBusy, setIsBusy] = useState(false);
  useEffect(() => setIsBusy(false), [state.state]);
  const send = (path: string) => {
    setIsBusy(true);
    api.post(path, { importId: record._id }).catch((error: unknown) => {
      setIsBusy(false);
      toastError(error);
    });
  };
  const text = (name: string) => (typeof state[name] === "string" ? state[name] : "");
  const steps = Array.isArray(state["checkpoint_messages"]) ? state["checkpoint_messages"].map((step) => (typeof step === "string" ? step : String((step as Record<string, unknown>)["component_path"] ?? ""))) : [];
  return (
    <tr>
      <td><RelativeTime at={record._creationTime} /></td>
      <td>{typeof record.format === "string" ? record.format : String((record.format as { format?: string } | undefined)?.format ?? "")}</td>
      <td>
        {state.state === "completed" && <><Badge tone="success">done</Badge> {count(Number(state["num_rows_written"] ?? 0))} documents</>}
        {state.state === "failed" && <><Badge tone="danger">failed</Badge> <span class="break">{text("error_message")}</span></>}
        {state.state === "uploaded" && <><Spinner /> reading the file</>}
        {state.state === "in_progress" && <><Spinner /> {text("progress_message") || "working"}{steps.length > 0 && <ul class="muted small">{steps.map((step) => <li key={step}>{step}</li>)}</ul>}</>}
        {state.state === "waiting_for_confirmation" && <><Badge tone="warning">to be confirmed</Badge><pre class="plain">{text("message_to_confirm")}</pre></>}
      </td>
      <td class="row-actions">
        {state.state === "waiting_for_confirmation" && <Button size="sm" variant="primary" busy={isBusy} onClick={() => send("/api/perform_import")}>Import</Button>}
        {!["completed", "failed"].includes(state.state) && <Button size="sm" onClick={() => send("/api/cancel_import")}>Cancel</Button>}
      </td>
    </tr>
  );
}

function Imports() {
  const result = useQueryResult(system.imports, {});
  if (result.status === "loading") return <SkeletonLines count={3} />;
  if (result.status === "error") return <ErrorState error={result.error} />;
  if (result.value.length === 0) return <EmptyState title="No imports yet" />;
  const newest = [...result.value].sort((a, b) => b._creationTime - a._creationTime);
  return (
    <Table label="Imports">
      <thead><tr><th>Started</th><th>Format</th><th>State</th><th><span class="ui-hidden">Actions</span></th></tr></thead>
      <tbody>{newest.map((record) => <ImportRow key={record._id} record={record} />)}</tbody>
    </Table>
  );
}

/** The page. */
export function BackupsPage() {
  return (
    <div class="page">
      <PageHead title="Import & export" />
      <div class="columns">
        <ExportView />
        <ImportForm />
      </div>
      <h2>Latest imports</h2>
      <Imports />
    </div>
  );
}
