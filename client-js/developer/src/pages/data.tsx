// The data browser: tables on the one side, documents on the other.

import { useState } from "preact/hooks";
import { Button, EmptyState, ErrorState, PlusIcon, SkeletonLines, TextField } from "fusion-ui";
import { useScopedQuery } from "../component.tsx";
import { CreateTableDialog } from "../data/table_dialogs.tsx";
import { TableView } from "../data/table_view.tsx";
import { count } from "../parts/figures.ts";
import { Link, useRouter } from "../router.tsx";
import { system } from "../system.ts";

/** From how many tables on one may want to look for one. */
const MANY = 12;

function TableLink({ name, isCurrent }: { name: string; isCurrent: boolean }) {
  const size = useScopedQuery(system.tableSize, { tableName: name });
  return (
    <Link to={`/data/${encodeURIComponent(name)}`} isCurrent={isCurrent} class="item">
      <span class="item-name" title={name}>{name}</span>
      <span class="muted small">{size.status === "success" ? count(size.value) : ""}</span>
    </Link>
  );
}

/** The page. */
export function DataPage() {
  const router = useRouter();
  const mapping = useScopedQuery(system.tables, {});
  const [wanted, setWanted] = useState("");
  const [isCreating, setIsCreating] = useState(false);
  const names = mapping.status === "success"
    ? Object.values(mapping.value).filter((name) => !name.startsWith("_")).sort((a, b) => a.localeCompare(b))
    : [];
  const current = router.parts[1] ?? names[0];
  const shown = names.filter((name) => name.toLowerCase().includes(wanted.toLowerCase()));

  let content;
  if (mapping.status === "loading") content = <SkeletonLines count={12} height="1.25rem" />;
  else if (mapping.status === "error") content = <ErrorState error={mapping.error} />;
  else if (current === undefined) content = <EmptyState title="No tables yet" action={<Button icon={<PlusIcon />} onClick={() => setIsCreating(true)}>Create a table</Button>}>Tables come with the schema of a push, or with their first document.</EmptyState>;
  else if (!names.includes(current)) content = <EmptyState title={`There is no table ${current}`} action={<Link to="/data">All tables</Link>} />;
  else content = <TableView key={current} table={current} />;
  return (
    <div class="split">
      <aside class="list-pane" aria-label="Tables">
        <div class="list-head">
          <h2>Tables</h2>
          <Button size="sm" variant="quiet" icon={<PlusIcon />} onClick={() => setIsCreating(true)}>Create</Button>
        </div>
        {names.length > MANY && (
          <TextField label="Find a table" hideLabel placeholder="Find a table" value={wanted} onInput={(event: Event) => setWanted((event.target as HTMLInputElement).value)} />
        )}
        {mapping.status === "loading" && <SkeletonLines count={6} height="1rem" />}
        <nav aria-label="Tables">
          <ul role="list">
            {shown.map((name) => <li key={name}><TableLink name={name} isCurrent={name === current} /></li>)}
          </ul>
        </nav>
      </aside>
      <div class="content-pane">{content}</div>
      {isCreating && (
        <CreateTableDialog
          onClose={() => setIsCreating(false)}
          onCreated={(name) => {
            setIsCreating(false);
            router.go(`/data/${encodeURIComponent(name)}`);
          }}
        />
      )}
    </div>
  );
}
