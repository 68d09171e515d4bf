// What is done to a whole table.

import { useState } from "preact/hooks";
import { Button, Dialog, TextField, toast } from "fusion-ui";
import { clearTable } from "./changes.ts";
import { useMutate, useScope } from "../component.tsx";
import { useDeployment } from "../deployment.tsx";
import { count, plural } from "../parts/figures.ts";
import { useAttempt } from "../parts/use_attempt.ts";
import { system } from "../system.ts";

/** Makes a table. */
export function CreateTableDialog({ onCreated, onClose }: { onCreated: (table: string) => void; onClose: () => void }) {
  const mutate = useMutate();
  const [name, setName] = useState("");
  const { isBusy, error, setError, run } = useAttempt();
  const create = (event: Event) => {
    event.preventDefault();
    if (!/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name)) {
      setError("A name is of letters, digits and _, and begins with a letter.");
      return;
    }
    void run(async () => {
      await mutate(system.createTable, { table: name });
      onCreated(name);
    });
  };
  return (
    <Dialog
      open
      title="Create a table"
      onClose={onClose}
      footer={<><Button onClick={onClose}>Cancel</Button><Button variant="primary" type="submit" form="create-table" busy={isBusy}>Create</Button></>}
    >
      <form id="create-table" onSubmit={create} noValidate>
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
  const { api } = useDeployment();
  const mutate = useMutate();
  const scope = useScope();
  const [typed, setTyped] = useState("");
  const [progress, setProgress] = useState(0);
  const { isBusy, error, setError, run } = useAttempt();
  const remove = (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    if (typed !== table) {
      setError(`Type ${table} to go on.`);
      return;
    }
    void run(async () => {
      if (isWhole) await api.post("/api/delete_tables", { tableNames: [table], componentId: scope.id });
      else await clearTable(mutate, table, setProgress);
      toast(isWhole ? `The table ${table} is deleted.` : `The table ${table} is empty.`);
      onDone();
    });
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
      <form id="remove-table" class="stack" onSubmit={remove} noValidate>
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
        {isBusy && !isWhole && <p role="status">{count(progress)} deleted…</p>}
      </form>
    </Dialog>
  );
}
