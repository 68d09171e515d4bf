// The stored files.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Button, ConfirmDialog, CopyButton, Dialog, EmptyState, ErrorState, IconButton, RelativeTime, SkeletonLines, Spinner, TrashIcon, UploadIcon, messageOf, toast, toastError } from "fusion-ui";
import { useMutate, useScopedQuery } from "../component.tsx";
import type { PageWindow } from "../data/page_window.ts";
import { useWindow } from "../data/use_window.ts";
import { useDeployment } from "../deployment.tsx";
import { bytes, count, moment, plural } from "../parts/figures.ts";
import { DownloadIcon } from "../parts/icons.tsx";
import { PageHead } from "../parts/page_head.tsx";
import { useAttempt } from "../parts/use_attempt.ts";
import { VirtualList } from "../parts/virtual.tsx";
import { system } from "../system.ts";
import type { StoredFile } from "../system.ts";

const ROW = 44;
/** As much of a text is shown. */
const PREVIEW_BYTES = 100_000;
const DELETE_BATCH = 500;

function TextPreview({ url }: { url: string }) {
  const [text, setText] = useState<string>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const controller = new AbortController();
    fetch(url, { signal: controller.signal, headers: { Range: `bytes=0-${PREVIEW_BYTES - 1}` } })
      .then(async (response) => {
        if (!response.ok) throw new Error(`The file cannot be read: ${response.status}.`);
        setText((await response.text()).slice(0, PREVIEW_BYTES));
      })
      .catch((failure: unknown) => !controller.signal.aborted && setError(failure));
    return () => controller.abort();
  }, [url]);
  if (error !== undefined) return <ErrorState error={error} />;
  if (text === undefined) return <Spinner label="Loading the file" />;
  return <pre class="preview-text" tabIndex={0} aria-label="Content">{text}</pre>;
}

function Preview({ file }: { file: StoredFile }) {
  const type = file.contentType ?? "";
  if (!file.url) return <p class="muted">There is no address for this file.</p>;
  if (type.startsWith("image/")) return <img class="preview-image" src={file.url} alt="Content of the file" />;
  if (type.startsWith("audio/")) return <audio controls src={file.url} />;
  if (type.startsWith("video/")) return <video class="preview-image" controls src={file.url} />;
  if (/^text\/|json|xml|javascript|csv/.test(type)) return <TextPreview url={file.url} />;
  return <p class="muted">Files of this type are not shown here.</p>;
}

function FileDialog({ file, onClose }: { file: StoredFile; onClose: () => void }) {
  return (
    <Dialog
      open
      wide
      title="File"
      onClose={onClose}
      footer={file.url ? <a class="ui-button ui-button-primary" href={file.url} download={file._id} target="_blank" rel="noreferrer"><DownloadIcon /> Download</a> : undefined}
    >
      <dl class="facts">
        <dt>Id</dt><dd><code>{file._id}</code> <CopyButton text={file._id} variant="quiet" label="Copy the id" /></dd>
        <dt>Type</dt><dd>{file.contentType ?? "not given"}</dd>
        <dt>Size</dt><dd>{bytes(file.size)} <span class="muted">({count(file.size)} bytes)</span></dd>
        <dt>Uploaded</dt><dd>{moment(file._creationTime)}</dd>
        <dt>SHA-256</dt><dd><code class="break">{file.sha256}</code></dd>
      </dl>
      <Preview file={file} />
    </Dialog>
  );
}

/** Uploads in progress, by name. */
function useUploads() {
  const { api } = useDeployment();
  const mutate = useMutate();
  const [uploads, setUploads] = useState<ReadonlyMap<string, number>>(new Map());
  const upload = useCallback(async (files: readonly File[]) => {
    for (const file of files) {
      const progress = (share: number | undefined) =>
        setUploads((before) => {
          const next = new Map(before);
          if (share === undefined) next.delete(file.name);
          else next.set(file.name, share);
          return next;
        });
      progress(0);
      try {
        await api.upload(await mutate(system.uploadUrl, {}), file, progress);
        toast(`${file.name} is uploaded.`);
      } catch (error) {
        toastError(`${file.name}: ${messageOf(error)}`);
      }
      progress(undefined);
    }
  }, [api, mutate]);
  return { uploads, upload };
}

/** The page. */
export function FilesPage() {
  const mutate = useMutate();
  const total = useScopedQuery(system.fileCount, {});
  const [order, setOrder] = useState<"asc" | "desc">("desc");
  const [round, setRound] = useState(0);
  const rows = useWindow(system.files, { filters: { order } }, round) as PageWindow<StoredFile>;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [shown, setShown] = useState<StoredFile>();
  const [doomed, setDoomed] = useState<readonly string[]>();
  const deletion = useAttempt(toastError);
  const picker = useRef<HTMLInputElement>(null);
  const { uploads, upload } = useUploads();
  const look = useCallback((first: number, last: number) => rows.look(first, last), [rows]);

  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setSelected(next);
  };
  const remove = async (ids: readonly string[]) => {
    for (let at = 0; at < ids.length; at += DELETE_BATCH) {
      await mutate(system.deleteFiles, { storageIds: ids.slice(at, at + DELETE_BATCH) });
    }
    toast(`${plural(ids.length, "file")} deleted.`);
    setSelected(new Set());
    setDoomed(undefined);
  };
  const present = rows.present();
  const areAllSelected = present.length > 0 && present.every(({ _id }) => selected.has(_id));

  let content;
  if (rows.error !== undefined && rows.count === 0) content = <ErrorState error={rows.error} onRetry={() => setRound(round + 1)} />;
  else if (rows.isLoading) content = <SkeletonLines count={8} height="1.5rem" />;
  else if (rows.count === 0 && rows.isDone) {
    content = (
      <EmptyState title="No files" action={<Button icon={<UploadIcon />} onClick={() => picker.current?.click()}>Upload files</Button>}>
        Files that functions store and users upload are listed here. Drop some on this page.
      </EmptyState>
    );
  } else {
    content = (
      <>
        <div class="file-row file-head">
          <input
            type="checkbox"
            aria-label="Select the loaded files"
            checked={areAllSelected}
            onClick={() => setSelected(areAllSelected ? new Set() : new Set(present.map(({ _id }) => _id)))}
          />
          <span>Id</span><span>Type</span><span class="number">Size</span><span>Uploaded</span><span />
        </div>
        <VirtualList
          count={rows.count}
          height={ROW}
          label="Files"
          onView={look}
          row={(at) => {
            const file = rows.row(at);
            if (!file) return <li key={at} class="file-row"><span class="grid-wait" /></li>;
            return (
              <li key={file._id} class={`file-row${selected.has(file._id) ? " is-selected" : ""}`}>
                <input type="checkbox" aria-label={`Select ${file._id}`} checked={selected.has(file._id)} onClick={() => toggle(file._id)} />
                <button type="button" class="link mono" onClick={() => setShown(file)}>{file._id}</button>
                <span class="clip">{file.contentType ?? <span class="muted">none</span>}</span>
                <span class="number">{bytes(file.size)}</span>
                <RelativeTime at={file._creationTime} />
                <IconButton label={`Delete ${file._id}`} size="sm" icon={<TrashIcon />} onClick={() => setDoomed([file._id])} />
              </li>
            );
          }}
        />
      </>
    );
  }
  return (
    <div
      class="page-fixed"
      onDragOver={(event: DragEvent) => event.preventDefault()}
      onDrop={(event: DragEvent) => {
        event.preventDefault();
        void upload([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <PageHead title="Files" aside={total.status === "success" ? plural(total.value, "file") : ""}>
        {selected.size > 0 && (
          <Button size="sm" icon={<TrashIcon />} onClick={() => setDoomed([...selected])}>Delete {plural(selected.size, "file")}</Button>
        )}
        <Button size="sm" onClick={() => setOrder(order === "desc" ? "asc" : "desc")}>{order === "desc" ? "Newest first" : "Oldest first"}</Button>
        <Button size="sm" variant="primary" icon={<UploadIcon />} onClick={() => picker.current?.click()}>Upload</Button>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          onChange={(event: Event) => {
            const input = event.target as HTMLInputElement;
            void upload([...(input.files ?? [])]);
            input.value = "";
          }}
        />
      </PageHead>
      {[...uploads].map(([name, share]) => (
        <div key={name} class="upload">
          <span class="clip">{name}</span>
          <progress aria-label={`Upload of ${name}`} max={1} value={share} />
        </div>
      ))}
      {content}
      {shown && <FileDialog file={shown} onClose={() => setShown(undefined)} />}
      <ConfirmDialog
        open={doomed !== undefined}
        title={`Delete ${plural(doomed?.length ?? 0, "file")}?`}
        action="Delete"
        busy={deletion.isBusy}
        onConfirm={() => void deletion.run(() => remove(doomed ?? []))}
        onClose={() => setDoomed(undefined)}
      >
        <p>What refers to {doomed?.length === 1 ? "it" : "them"} will find nothing. This cannot be undone.</p>
      </ConfirmDialog>
    </div>
  );
}
