// What is done to a whole table.

import { useState } from "preact/hooks";
import { Button, Dialog, TextField, messageOf, toast } from "fusion-ui";
import { clearTable } from "./changes.ts";
import { useDeployment } from "../deployment.tsx";
import { count, plural } from "../parts/figures.ts";
import { system } from "../system.ts";

/** Makes a table. */
export function CreateTableDialog({ onCreated, onClose }: { onCreated: (table: string) => void; onClose: () => void }) {
  const { client } = useDeployment();
  const [name, setName] = useState("");
  const [error, setError] = useState<string>();
  const [isBusy, setIsBusy] = useState(false);
  const create = async (event: Event) => {
    event.preventDefault();
    if (!/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name)) {
      setError("A name is of letters, digits and _, and begins with a letter.");
      return;
    }
    setIsBusy(true);
    try {
      await client.mutation(system.createTable, { table: name });
      onCreated(name);
    } catch (failure) {
      setError(messageOf(failure));
      setIsBusy(false);
    }
  };
  return (
    <Dialog
      open
      title="Create a table"
      onClose={onClose}
      footer={<><Button onClick={onClose}>Cancel</Button><Button variant="primary" type="submit" form="create-table" busy={isBusy}>Create</Button></>}
    >
      <form id="create-table" onSubmit={(event: Event) => void create(event)} noValidate>
        <TextField
          label="Name"
          value={name}
          error={error}
          spellcheck={false}
          autocomplete="off"
          onInput={(event: Event) => {
            setName((event.target as HTMLInputElement).value);
            setError(undefined);
          }}
        />
      </form>
    </Dialog>
  );
}

/** Asks for the name of a table before all of it is gone. */
export function RemoveTableDialog({ table, size, isWhole, onDone, onClose }: {
  table: string;
  size: number | undefined;
  /** Whether the table goes, too, or only its documents. */
  isWhole: boolean;
  onDone: () => void;
  onClose: () => void;
}) {
  const { api, client } = useDeployment();
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<string>();
  const [progress, setProgress] = useState<number>();
  const isBusy = progress !== undefined;
  const remove = async (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    if (typed !== table) {
      setError(`Type ${table} to go on.`);
      return;
    }
    setProgress(0);
    try {
      if (isWhole) await api.post("/api/delete_tables", { tableNames: [table], componentId: null });
      else await clearTable(client, table, setProgress);
      toast(isWhole ? `The table ${table} is deleted.` : `The table ${table} is empty.`);
      onDone();
    } catch (failure) {
      setError(messageOf(failure));
      setProgress(undefined);
    }
  };
  const what = size === undefined ? "all documents" : plural(size, "document");
  return (
    <Dialog
      open
      title={isWhole ? `Delete the table ${table}` : `Clear the table ${table}`}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="danger" type="submit" form="remove-table" busy={isBusy}>{isWhole ? "Delete the table" : "Delete all documents"}</Button>
        </>
      }
    >
      <form id="remove-table" class="stack" onSubmit={(event: Event) => void remove(event)} noValidate>
        <p>{isWhole ? `The table with ${what} will be gone.` : `${what} will be gone.`} This cannot be undone.</p>
        <TextField
          label="Name of the table, to confirm"
          value={typed}
          error={error}
          spellcheck={false}
          autocomplete="off"
          onInput={(event: Event) => {
            setTyped((event.target as HTMLInputElement).value);
            setError(undefined);
          }}
        />
        {progress !== undefined && !isWhole && <p role="status">{count(progress)} deleted…</p>}
      </form>
    </Dialog>
  );
}
