import { Button, Dialog, TextField } from "fusion-ui";
import { useState } from "preact/hooks";

import { sizeWords } from "./size.ts";

/** Asks for the category of files that were chosen. */
export function UploadDialog({ files, categories, onUpload, onClose }: {
  readonly files: readonly File[];
  readonly categories: readonly string[];
  readonly onUpload: (category: string) => void;
  readonly onClose: () => void;
}) {
  const [category, setCategory] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    onUpload(category.trim());
  };
  return (
    <Dialog
      open={files.length > 0}
      title={files.length === 1 ? "Upload a file" : `Upload ${files.length} files`}
      onClose={onClose}
      footer={<>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" form="upload-form" variant="primary">Upload</Button>
      </>}
    >
      <form id="upload-form" class="stack" onSubmit={submit}>
        <ul role="list" class="picked">
          {files.map((file, index) => (
            <li key={index}><span class="ellipsis">{file.name}</span><span class="muted small">{sizeWords(file.size)}</span></li>
          ))}
        </ul>
        <TextField
          label="Category"
          hint="Optional: brings order into the list. A file of the same name is replaced."
          value={category}
          list="categories"
          autoComplete="off"
          onInput={(event) => setCategory(event.currentTarget.value)}
        />
        <datalist id="categories">{categories.map((one) => <option key={one} value={one} />)}</datalist>
      </form>
    </Dialog>
  );
}
