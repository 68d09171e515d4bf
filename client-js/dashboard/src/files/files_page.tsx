import { usePaginatedQuery } from "fusion-client/preact";
import { Button, EmptyState, FileIcon, InfiniteList, SkeletonLines, UploadIcon } from "fusion-ui";
import { useMemo, useRef, useState } from "preact/hooks";

import { api } from "../functions.ts";
import { PageFrame } from "../shell/page.tsx";
import { FileRow } from "./file_row.tsx";
import { UploadDialog } from "./upload_dialog.tsx";
import { UploadRow } from "./upload_row.tsx";
import { useUploads } from "./use_uploads.ts";

const PAGE_SIZE = 20;

/** The documents the assistant answers from. */
export function FilesPage() {
  const pages = usePaginatedQuery(api.private.files.list, {}, { initialNumItems: PAGE_SIZE });
  const { uploads, add, retry, remove } = useUploads();
  const [picked, setPicked] = useState<readonly File[]>([]);
  const [isOver, setIsOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const categories = useMemo(
    () => [...new Set(pages.results.flatMap(({ category }) => (category ? [category] : [])))].sort(),
    [pages.results],
  );
  const pick = () => input.current?.click();
  return (
    <PageFrame
      title="Knowledge"
      about="Documents the assistant answers from: text, Markdown, HTML, CSV, JSON and PDF, and images where a language model can see."
      actions={<Button variant="primary" icon={<UploadIcon />} onClick={pick}>Upload files</Button>}
    >
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files"
        onChange={(event) => {
          setPicked([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
      <div
        class={isOver ? "files ui-card files-over" : "files ui-card"}
        onDragOver={(event) => {
          event.preventDefault();
          setIsOver(true);
        }}
        onDragLeave={(event) => {
          if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget))) setIsOver(false);
        }}
        onDrop={(event) => {
          event.preventDefault();
          setIsOver(false);
          setPicked([...(event.dataTransfer?.files ?? [])]);
        }}
      >
        {uploads.length > 0 && (
          <ul role="list" class="uploads" aria-label="Uploads">
            {uploads.map((one) => <li key={one.id}><UploadRow upload={one} onRetry={() => retry(one.id)} onRemove={() => remove(one.id)} /></li>)}
          </ul>
        )}
        <InfiniteList
          pages={pages}
          label="Files"
          keyOf={({ id }) => id}
          pageSize={PAGE_SIZE}
          class="file-rows"
          loading={<SkeletonLines count={5} height="2.75rem" />}
          empty={uploads.length > 0 ? null : (
            <EmptyState icon={<FileIcon />} title="No documents yet" action={<Button onClick={pick}>Choose files</Button>}>
              Drop files here, or choose some. The assistant quotes them as soon as they are read.
            </EmptyState>
          )}
        >
          {(file) => <FileRow file={file} />}
        </InfiniteList>
        <p class="drop-hint muted small">Drop files anywhere here to upload them. At most 12 MB each, images 5 MB.</p>
      </div>
      <UploadDialog
        files={picked}
        categories={categories}
        onClose={() => setPicked([])}
        onUpload={(category) => {
          add(picked, category);
          setPicked([]);
        }}
      />
    </PageFrame>
  );
}
