// What functions print and how they end, as it happens.

import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { Button, CheckField, EmptyState, ErrorState, SelectField, SkeletonLines, TextField } from "fusion-ui";
import { useDeployment } from "../deployment.tsx";
import { RequestPanel } from "../logs/request_panel.tsx";
import { LogStream } from "../logs/stream.ts";
import type { LogRow } from "../logs/stream.ts";
import { clock, count, duration, plural } from "../parts/figures.ts";
import { PauseIcon, PlayIcon } from "../parts/icons.tsx";
import { PageHead } from "../parts/page_head.tsx";
import { VirtualList } from "../parts/virtual.tsx";
import { useRouter } from "../router.tsx";

const ROW = 28;

interface Wanted {
  /** The path of a component; null for all. */
  readonly component: string | null;
  readonly kind: string;
  readonly status: string;
  readonly called: string;
  readonly text: string;
  readonly hasSystem: boolean;
}

function isWanted({ entry, text, level, isEnd }: LogRow, wanted: Wanted): boolean {
  if (!wanted.hasSystem && entry.identifier.startsWith("_system/")) return false;
  if (wanted.component !== null && (entry.componentPath ?? "") !== wanted.component) return false;
  if (wanted.kind !== "" && entry.udfType !== wanted.kind) return false;
  if (wanted.called !== "" && !entry.identifier.replace(".js:", ":").includes(wanted.called)) return false;
  if (wanted.status === "printed" && isEnd) return false;
  if (wanted.status === "failed" && !entry.error) return false;
  if (wanted.status === "success" && (entry.error || entry.kind !== "Completion")) return false;
  if (wanted.status === "warnings" && level !== "WARN" && level !== "ERROR") return false;
  const sought = wanted.text.toLowerCase();
  return sought === "" || text.toLowerCase().includes(sought) || entry.requestId.includes(sought) || entry.componentPath?.toLowerCase().includes(sought) || entry.identifier.toLowerCase().includes(sought);
}

function RowView({ row, isCurrent, onOpen }: { row: LogRow; isCurrent: boolean; onOpen: () => void }) {
  const { entry, level, isEnd } = row;
  return (
    <li class={`log-row level-${level}${isCurrent ? " is-current" : ""}`}>
      <button type="button" onClick={onOpen} aria-pressed={isCurrent}>
        <time class="log-time">{clock(row.at)}</time>
        <span class="log-status">{isEnd ? (entry.error ? "failed" : duration(entry.executionTime ?? 0)) : level.toLowerCase()}</span>
        <abbr class={`kind kind-${entry.udfType}`} title={entry.udfType}>{entry.udfType[0]}</abbr>
        <span class="log-name">{entry.componentPath && <span class="muted">{entry.componentPath} </span>}{entry.identifier}</span>
        <span class="log-text">{row.text}</span>
      </button>
    </li>
  );
}

/** The page. */
export function LogsPage() {
  const { api, signOut } = useDeployment();
  const router = useRouter();
  const [, draw] = useReducer((round: number) => round + 1, 0);
  const stream = useRef<LogStream | undefined>(undefined);
  const [frozen, setFrozen] = useState<readonly LogRow[]>();
  const [requestId, setRequestId] = useState<string>();
  const [filters, setFilters] = useState<Omit<Wanted, "component">>({ kind: "", status: "", called: router.parameters.get("function") ?? "", text: "", hasSystem: false });
  useEffect(() => {
    const opened = new LogStream(api, () => signOut("The admin key is no longer accepted."));
    stream.current = opened;
    const stop = opened.subscribe(() => draw(undefined));
    return () => {
      stop();
      opened.stop();
    };
  }, [api, signOut]);

  const component = router.parameters.get("component");
  const wanted = useMemo(() => ({ ...filters, component }), [filters, component]);
  const live = stream.current?.rows ?? [];
  const all = frozen ?? live;
  const rows = useMemo(() => all.filter((row) => isWanted(row, wanted)), [all, wanted]);
  const missed = frozen === undefined ? 0 : live.filter((row) => row.id > (frozen.at(-1)?.id ?? -1) && isWanted(row, wanted)).length;
  const choose = (part: Partial<typeof filters>) => setFilters({ ...filters, ...part });
  const value = (event: Event) => (event.target as HTMLInputElement | HTMLSelectElement).value;

  let content;
  if (stream.current?.error !== undefined && all.length === 0) content = <ErrorState title="The log cannot be read" error={stream.current.error} />;
  else if (!stream.current?.isLoaded) content = <SkeletonLines count={12} height="1rem" />;
  else if (rows.length === 0) {
    content = all.length === 0
      ? <EmptyState title="Nothing has run yet">Runs of functions are shown here as they end.</EmptyState>
      : <EmptyState title="Nothing matches">{plural(all.length, "line")} are hidden by the filters.</EmptyState>;
  } else {
    content = (
      <VirtualList
        count={rows.length}
        height={ROW}
        label="Log"
        class="log"
        followsEnd={frozen === undefined}
        row={(at) => {
          const row = rows[at];
          return row && <RowView key={row.id} row={row} isCurrent={row.entry.requestId === requestId} onOpen={() => setRequestId(row.entry.requestId)} />;
        }}
      />
    );
  }
  return (
    <div class="page-fixed">
      <PageHead title="Logs" aside={frozen === undefined ? plural(rows.length, "line") : `paused; ${count(missed)} new`}>
        <Button size="sm" icon={frozen === undefined ? <PauseIcon /> : <PlayIcon />} onClick={() => setFrozen(frozen === undefined ? live : undefined)}>
          {frozen === undefined ? "Pause" : "Go on"}
        </Button>
        <Button
          size="sm"
          onClick={() => {
            stream.current?.clear();
            setFrozen(undefined);
          }}
        >
          Clear
        </Button>
      </PageHead>
      <form class="filter-line log-filters" aria-label="Filter the log" onSubmit={(event: Event) => event.preventDefault()}>
        <TextField label="Search" type="search" placeholder="Text, function or request id" value={wanted.text} onInput={(event: Event) => choose({ text: value(event) })} />
        <TextField label="Function" placeholder="Any" value={wanted.called} onInput={(event: Event) => choose({ called: value(event) })} />
        <SelectField label="Kind" value={wanted.kind} onChange={(event: Event) => choose({ kind: value(event) })}>
          <option value="">any</option>
          {["Query", "Mutation", "Action", "HttpAction"].map((kind) => <option key={kind} value={kind}>{kind}</option>)}
        </SelectField>
        <SelectField label="What" value={wanted.status} onChange={(event: Event) => choose({ status: value(event) })}>
          <option value="">everything</option>
          <option value="printed">printed lines</option>
          <option value="success">successful runs</option>
          <option value="failed">failed runs</option>
          <option value="warnings">warnings and errors</option>
        </SelectField>
        <CheckField label="The server's own" checked={wanted.hasSystem} onChange={() => choose({ hasSystem: !wanted.hasSystem })} />
      </form>
      {stream.current?.error !== undefined && all.length > 0 && <p role="status" class="ui-notice ui-notice-warning">New entries cannot be read right now; trying again.</p>}
      <div class="log-split">
        <div class="log-pane">{content}</div>
        {requestId !== undefined && <RequestPanel rows={live} requestId={requestId} onClose={() => setRequestId(undefined)} />}
      </div>
    </div>
  );
}
