// The environment variables that functions read.

import { useState } from "preact/hooks";
import { useQueryResult } from "fusion-client/preact";
import { Button, ConfirmDialog, CopyButton, Dialog, EmptyState, ErrorState, IconButton, PlusIcon, SkeletonLines, Table, TextAreaField, TextField, TrashIcon, toast, toastError } from "fusion-ui";
import { useDeployment } from "../deployment.tsx";
import { readDotenv } from "../parts/dotenv.ts";
import { plural } from "../parts/figures.ts";
import { EditIcon } from "../parts/icons.tsx";
import { PageHead } from "../parts/page_head.tsx";
import { useAttempt } from "../parts/use_attempt.ts";
import { system } from "../system.ts";
import type { Variable } from "../system.ts";

/** A change of a variable; null takes it away. */
interface Change {
  readonly name: string;
  readonly value: string | null;
}

function useSave() {
  const { api } = useDeployment();
  return (changes: readonly Change[]) => api.post("/api/update_environment_variables", { changes });
}

/** One variable, new or known. */
function VariableDialog({ variable, known, onClose }: { variable: Variable | undefined; known: readonly string[]; onClose: () => void }) {
  const save = useSave();
  const [name, setName] = useState(variable?.name ?? "");
  const [value, setValue] = useState(variable?.value ?? "");
  const { isBusy, error, setError, run } = useAttempt();
  const submit = (event: Event) => {
    event.preventDefault();
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      setError("A name is of letters, digits and _, and does not begin with a digit.");
      return;
    }
    if (name !== variable?.name && known.includes(name)) {
      setError("There is a variable of this name already.");
      return;
    }
    void run(async () => {
      const renamed = variable && variable.name !== name ? [{ name: variable.name, value: null }] : [];
      await save([...renamed, { name, value }]);
      toast(`${name} is set.`);
      onClose();
    });
  };
  return (
    <Dialog
      open
      title={variable ? `Edit ${variable.name}` : "Add a variable"}
      onClose={onClose}
      footer={<><Button onClick={onClose}>Cancel</Button><Button variant="primary" type="submit" form="variable" busy={isBusy}>Save</Button></>}
    >
      <form id="variable" class="stack" onSubmit={submit} noValidate>
        <TextField label="Name" fieldClass="mono" spellcheck={false} autocomplete="off" value={name} error={error} onInput={(event: Event) => setName((event.target as HTMLInputElement).value)} />
        <TextAreaField label="Value" fieldClass="literal" spellcheck={false} rows={4} value={value} onInput={(event: Event) => setValue((event.target as HTMLTextAreaElement).value)} />
      </form>
    </Dialog>
  );
}

/** Many at once, as they stand in a file. */
function PasteDialog({ known, onClose }: { known: readonly string[]; onClose: () => void }) {
  const save = useSave();
  const [text, setText] = useState("");
  const { isBusy, error, setError, run } = useAttempt();
  const variables = readDotenv(text);
  const replaced = variables.filter(({ name }) => known.includes(name)).length;
  const submit = (event: Event) => {
    event.preventDefault();
    if (variables.length === 0) {
      setError("There is no NAME=value in it.");
      return;
    }
    void run(async () => {
      await save(variables);
      toast(`${plural(variables.length, "variable")} set.`);
      onClose();
    });
  };
  return (
    <Dialog
      open
      title="Paste a .env file"
      onClose={onClose}
      footer={<><Button onClick={onClose}>Cancel</Button><Button variant="primary" type="submit" form="paste" busy={isBusy}>Set {plural(variables.length, "variable")}</Button></>}
    >
      <form id="paste" class="stack" onSubmit={submit} noValidate>
        <TextAreaField
          label="Content of the file"
          fieldClass="literal"
          rows={12}
          spellcheck={false}
          placeholder={'API_KEY="…"\nGREETING=Hello'}
          value={text}
          error={error}
          hint={variables.length > 0 ? `${variables.map(({ name }) => name).join(", ")}${replaced > 0 ? `; ${replaced} replaced` : ""}` : "NAME=value on each line; # begins a comment."}
          onInput={(event: Event) => {
            setText((event.target as HTMLTextAreaElement).value);
            setError(undefined);
          }}
        />
      </form>
    </Dialog>
  );
}

type Open = { kind: "none" } | { kind: "add" | "paste" } | { kind: "edit" | "delete"; variable: Variable };

/** The page. */
export function EnvironmentPage() {
  const save = useSave();
  const result = useQueryResult(system.variables, {});
  const [open, setOpen] = useState<Open>({ kind: "none" });
  const [seen, setSeen] = useState<ReadonlySet<string>>(new Set());
  const { isBusy, run } = useAttempt(toastError);
  const variables = result.status === "success" ? [...result.value].sort((a, b) => a.name.localeCompare(b.name)) : [];
  const names = variables.map(({ name }) => name);
  const close = () => setOpen({ kind: "none" });
  const remove = (name: string) =>
    run(async () => {
      await save([{ name, value: null }]);
      toast(`${name} is deleted.`);
      close();
    });
  const toggle = (name: string) => {
    const next = new Set(seen);
    if (!next.delete(name)) next.add(name);
    setSeen(next);
  };
  let content;
  if (result.status === "loading") content = <SkeletonLines count={5} height="1.5rem" />;
  else if (result.status === "error") content = <ErrorState error={result.error} />;
  else if (variables.length === 0) {
    content = (
      <EmptyState title="No variables" action={<Button icon={<PlusIcon />} onClick={() => setOpen({ kind: "add" })}>Add one</Button>}>
        Functions read them as <code>process.env.NAME</code>.
      </EmptyState>
    );
  } else {
    content = (
      <Table label="Environment variables">
        <thead><tr><th>Name</th><th>Value</th><th><span class="ui-hidden">Actions</span></th></tr></thead>
        <tbody>
          {variables.map((variable) => (
            <tr key={variable.name}>
              <td><code>{variable.name}</code></td>
              <td class="variable-value">
                {seen.has(variable.name) ? <code class="break">{variable.value}</code> : <span class="muted" aria-label="hidden">••••••••</span>}
              </td>
              <td class="row-actions">
                <Button size="sm" variant="quiet" aria-label={`${seen.has(variable.name) ? "Hide" : "Show"} ${variable.name}`} onClick={() => toggle(variable.name)}>
                  {seen.has(variable.name) ? "Hide" : "Show"}
                </Button>
                <CopyButton text={variable.value} variant="quiet" aria-label={`Copy ${variable.name}`} />
                <IconButton label={`Edit ${variable.name}`} size="sm" icon={<EditIcon />} onClick={() => setOpen({ kind: "edit", variable })} />
                <IconButton label={`Delete ${variable.name}`} size="sm" icon={<TrashIcon />} onClick={() => setOpen({ kind: "delete", variable })} />
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    );
  }
  return (
    <div class="page">
      <PageHead title="Environment variables" aside={result.status === "success" ? plural(variables.length, "variable") : ""}>
        {variables.length > 0 && (
          <CopyButton label="Copy all" text={variables.map(({ name, value }) => `${name}=${/^[\w./:@+-]*$/.test(value) ? value : JSON.stringify(value)}`).join("\n")} />
        )}
        <Button size="sm" onClick={() => setOpen({ kind: "paste" })}>Paste a .env file</Button>
        <Button size="sm" variant="primary" icon={<PlusIcon />} onClick={() => setOpen({ kind: "add" })}>Add</Button>
      </PageHead>
      {content}
      {open.kind === "add" && <VariableDialog variable={undefined} known={names} onClose={close} />}
      {open.kind === "edit" && <VariableDialog variable={open.variable} known={names} onClose={close} />}
      {open.kind === "paste" && <PasteDialog known={names} onClose={close} />}
      {open.kind === "delete" && (
        <ConfirmDialog open title={`Delete ${open.variable.name}?`} action="Delete" busy={isBusy} onConfirm={() => void remove(open.variable.name)} onClose={close}>
          <p>Functions that read it will find nothing.</p>
        </ConfirmDialog>
      )}
    </div>
  );
}
