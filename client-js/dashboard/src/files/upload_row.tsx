import { AlertIcon, Button, CloseIcon, IconButton, Spinner } from "fusion-ui";

import { sizeWords } from "./size.ts";
import type { Upload } from "./use_uploads.ts";

/** A file on its way. */
export function UploadRow({ upload: { file, state, sent, error }, onRetry, onRemove }: {
  readonly upload: Upload;
  readonly onRetry: () => void;
  readonly onRemove: () => void;
}) {
  const percent = Math.round(sent * 100);
  return (
    <div class="file-row">
      <span class="file-mark">{state === "failed" ? <AlertIcon /> : <Spinner />}</span>
      <span class="file-name">
        <span class="ellipsis">{file.name}</span>
        {state === "failed"
          ? <span class="file-error small" role="alert">{error}</span>
          : <progress class="progress" aria-label={`Upload of ${file.name}`} max={100} {...(state === "reading" ? {} : { value: percent })} />}
      </span>
      <span class="file-detail muted small">
        {sizeWords(file.size)}
      </span>
      <span class="file-state small muted" role="status">
        {state === "waiting" && "Waiting"}
        {state === "sending" && `${percent} %`}
        {state === "reading" && "Reading"}
        {state === "failed" && <Button size="sm" onClick={onRetry}>Try again</Button>}
      </span>
      <span class="file-menu">{state === "failed" && <IconButton size="sm" label={`Dismiss ${file.name}`} icon={<CloseIcon />} onClick={onRemove} />}</span>
    </div>
  );
}
