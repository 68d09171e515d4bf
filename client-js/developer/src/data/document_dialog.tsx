// A whole document, to read and edit; and new ones.

import { Fragment } from "preact";
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Button, CopyButton, Dialog, toast } from "fusion-ui";
import { addDocuments, patchDocuments, replaceDocument } from "./changes.ts";
import { NO_FILTERS, toParameter } from "./filters.ts";
import { fieldValidator } from "./schema.ts";
import { useMutate, useScopedQuery } from "../component.tsx";
import { LiteralField, read, readObject } from "../parts/literal_field.tsx";
import { moment, plural } from "../parts/figures.ts";
import { useAttempt } from "../parts/use_attempt.ts";
import { Link } from "../router.tsx";
import { system } from "../system.ts";
import { format } from "../values/format.ts";
import { example, tableOf } from "../values/validator.ts";
import type { Validator } from "../values/validator.ts";
import type { Doc, Value } from "../values/value.ts";
import { isObject } from "../values/value.ts";

/** What is common to all of them: a text, a button, what went wrong. */
function LiteralDialog(props: {
  title: string;
  label: string;
  hint?: string;
  action: string;
  initial: string;
  note?: ComponentChildren;
  check: (text: string) => { value: Value } | { error: string };
  onSave: (value: Value) => Promise<void>;
  onClose: () => void;
}) {
  const [text, setText] = useState(props.initial);
  const { isBusy, error, setError, run } = useAttempt();
  const save = () => {
    const reading = props.check(text);
    if ("error" in reading && reading.error !== undefined) {
      setError(reading.error);
      return;
    }
    void run(async () => {
      await props.onSave((reading as { value: Value }).value);
      props.onClose();
    });
  };
  return (
    <Dialog
      open
      wide
      title={props.title}
      onClose={props.onClose}
      footer={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button variant="primary" busy={isBusy} onClick={save}>{props.action}</Button>
        </>
      }
    >
      {props.note}
      <LiteralField
        autofocus
        label={props.label}
        hint={props.hint ?? 'As in TypeScript: 12 is a number, 12n an int64, Bytes("aGk=") are bytes in base64. Ctrl+Enter saves.'}
        text={text}
        error={error}
        rows={Math.min(Math.max(text.split("\n").length + 1, 8), 22)}
        onText={(next) => {
          setText(next);
          setError(undefined);
        }}
        onSubmit={save}
      />
    </Dialog>
  );
}

function withoutSystemFields({ _id, _creationTime, ...rest }: Doc): Value {
  return rest;
}

/** Reads and edits a document. */
export function DocumentDialog({ document, table, validator, onClose }: {
  document: Doc;
  table: string;
  validator: Validator | null | undefined;
  onClose: () => void;
}) {
  const mutate = useMutate();
  const [opened, setOpened] = useState(document);
  const latest = useScopedQuery(system.document, { id: document._id });
  const now = latest.status === "success" ? latest.value : opened;
  const references = Object.entries(opened).flatMap(([field, value]) => {
    const of = fieldValidator(validator, field);
    const target = of && tableOf(of);
    return target !== undefined && !target.startsWith("_") && typeof value === "string" ? [{ field, target, id: value }] : [];
  });
  const isChanged = now !== null && format(now) !== format(opened);
  return (
    <LiteralDialog
      key={format(opened)}
      title={`Document of ${table}`}
      label="Fields"
      action="Save"
      initial={format(withoutSystemFields(opened), "", true)}
      note={
        <>
          <dl class="facts">
            <dt>_id</dt>
            <dd><code>{opened._id}</code> <CopyButton text={opened._id} label="Copy the id" variant="quiet" /></dd>
            <dt>_creationTime</dt>
            <dd>{moment(opened._creationTime)} <span class="muted">({opened._creationTime})</span></dd>
            {references.map(({ field, target, id }) => (
              <Fragment key={field}>
                <dt>{field}</dt>
                <dd onClick={onClose}>
                  <Link to={`/data/${target}`} parameters={{ filter: toParameter({ ...NO_FILTERS, clauses: [{ id: 1, field: "_id", op: "eq", text: id }] }) }}>
                    in {target}
                  </Link>
                </dd>
              </Fragment>
            ))}
          </dl>
          {now === null && <p class="ui-notice ui-notice-warning">This document was deleted meanwhile.</p>}
          {isChanged && (
            <p class="ui-notice ui-notice-warning">
              <span>This document was changed meanwhile. </span>
              <Button size="sm" onClick={() => setOpened(now)}>Show as it is now</Button>
            </p>
          )}
        </>
      }
      check={(text) => readObject(text) as { value: Value } | { error: string }}
      onSave={async (value) => {
        await replaceDocument(mutate, document._id, value);
        toast("The document is saved.");
      }}
      onClose={onClose}
    />
  );
}

/** Adds documents: one, or a list. */
export function AddDialog({ table, validator, onClose }: { table: string; validator: Validator | null | undefined; onClose: () => void }) {
  const mutate = useMutate();
  const initial = useMemo(() => {
    const value = validator ? example(validator) : {};
    const text = format(isObject(value) ? value : {}, "", true);
    return text === "{}" ? "{\n  \n}" : text;
  }, [validator]);
  return (
    <LiteralDialog
      title={`Add to ${table}`}
      label="A document, or a list of documents"
      action="Add"
      initial={initial}
      check={(text) => {
        const reading = read(text);
        if (reading.error !== undefined) return { error: reading.error };
        const documents = Array.isArray(reading.value) ? reading.value : [reading.value];
        return documents.length > 0 && documents.every(isObject) ? { value: documents } : { error: "Each document must be an object: { field: value }" };
      }}
      onSave={async (value) => {
        const documents = value as Value[];
        await addDocuments(mutate, table, documents);
        toast(`${plural(documents.length, "document")} added.`);
      }}
      onClose={onClose}
    />
  );
}

/** Sets fields of the selected documents. */
export function EditManyDialog({ table, ids, onClose }: { table: string; ids: readonly string[]; onClose: () => void }) {
  const mutate = useMutate();
  return (
    <LiteralDialog
      title={`Edit ${plural(ids.length, "document")} of ${table}`}
      label="Fields to set in all of them"
      hint="Other fields stay as they are."
      action="Set"
      initial={"{\n  \n}"}
      check={(text) => readObject(text) as { value: Value } | { error: string }}
      onSave={async (value) => {
        await patchDocuments(mutate, table, ids, value);
        toast(`${plural(ids.length, "document")} changed.`);
      }}
      onClose={onClose}
    />
  );
}
