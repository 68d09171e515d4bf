import { useMutation } from "fusion-client/preact";
import { Badge, ConfirmDialog, FileIcon, IconButton, toast, toastError, TrashIcon } from "fusion-ui";
import { useState } from "preact/hooks";

import { api } from "../functions.ts";
import type { KnowledgeFile } from "../functions.ts";

/** A document: opened by its name, deleted after a question. */
export function FileRow({ file }: { readonly file: KnowledgeFile }) {
  const { id, name, size, category, status, url, error } = file;
  const deleteFile = useMutation(api.private.files.deleteFile);
  const [isAsking, setIsAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const remove = async () => {
    setBusy(true);
    try {
      await deleteFile({ entryId: id });
      toast(`${name} is deleted.`);
      setIsAsking(false);
    } catch (failure) {
      toastError(failure);
    }
    setBusy(false);
  };
  return (
    <div class="file-row">
      <span class="file-mark"><FileIcon /></span>
      <span class="file-name">
        {url ? <a class="ellipsis" href={url} target="_blank" rel="noopener noreferrer">{name}</a> : <span class="ellipsis">{name}</span>}
        {error && <span class="file-error small">{error}</span>}
      </span>
      <span class="file-detail muted small">
        {category && <Badge>{category}</Badge>}
        <span>{size}</span>
      </span>
      <span class="file-state"><FileState file={file} /></span>
      <span class="file-menu"><IconButton size="sm" label={`Delete ${name}`} icon={<TrashIcon />} onClick={() => setIsAsking(true)} /></span>
      <ConfirmDialog open={isAsking} title={`Delete ${name}?`} action="Delete" busy={busy} onConfirm={remove} onClose={() => setIsAsking(false)}>
        <p>The assistant no longer answers from this document. {status === "processing" && "It is still being read."}</p>
      </ConfirmDialog>
    </div>
  );
}

function FileState({ file: { name, status, progress = 0 } }: { readonly file: KnowledgeFile }) {
  switch (status) {
    case "ready":
      return <Badge tone="success">Ready</Badge>;
    case "error":
      return <Badge tone="danger">Failed</Badge>;
    case "processing":
      return (
        <span class="file-progress small muted">
          <progress class="progress" aria-label={`Processing of ${name}`} max={1} value={progress} />
          {Math.round(progress * 100)} %
        </span>
      );
  }
}
