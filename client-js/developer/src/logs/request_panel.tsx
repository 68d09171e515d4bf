// One request: every run in it, those that others started below them.

import { Badge, CloseIcon, CopyButton, IconButton } from "fusion-ui";
import { lineText } from "./stream.ts";
import type { LogEntry, LogRow } from "./stream.ts";
import { bytes, clock, count, duration } from "../parts/figures.ts";
import { Link } from "../router.tsx";

interface Node {
  readonly id: string;
  readonly entries: LogEntry[];
  readonly children: Node[];
}

/** The runs of a request as a tree. What a server does not say of who called whom follows from how they were called. */
export function treeOf(rows: readonly LogRow[], requestId: string): Node[] {
  const entries = [...new Set(rows.map((row) => row.entry))].filter((entry) => entry.requestId === requestId);
  const ends = entries.filter(({ kind }) => kind === "Completion");
  const nodes = new Map<string, Node>();
  for (const entry of entries) {
    // What a run prints before its end may carry the id of the request alone.
    const isUnnamed = entry.kind === "Progress" && entry.executionId === requestId;
    const id = (isUnnamed && ends.find(({ identifier }) => identifier === entry.identifier)?.executionId) || entry.executionId;
    const node = nodes.get(id) ?? { id, entries: [], children: [] };
    node.entries.push(entry);
    nodes.set(id, node);
  }
  const isNested = (node: Node) => node.entries.some(({ caller }) => caller === "Action");
  const root = [...nodes.values()].find((node) => !isNested(node));
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const named = nodes.get(node.entries.find(({ parentExecutionId }) => parentExecutionId)?.parentExecutionId ?? "");
    const parent = named ?? (isNested(node) ? root : undefined);
    (parent && parent !== node ? parent.children : roots).push(node);
  }
  return roots;
}

function RunView({ node }: { node: Node }) {
  const end = node.entries.find(({ kind }) => kind === "Completion");
  const first = end ?? node.entries[0];
  if (!first) return null;
  const usage = end?.usageStats;
  const lines = node.entries.flatMap(({ logLines }) => logLines);
  return (
    <li>
      <div class="run-head">
        <Link to="/functions" parameters={{ function: first.identifier.replace(".js:", ":"), component: first.componentPath ?? undefined }}>{first.identifier}</Link>
        {first.componentPath && <span class="muted">in {first.componentPath}</span>}
        <Badge>{first.udfType}</Badge>
        {end === undefined ? <Badge tone="warning">running</Badge> : end.error ? <Badge tone="danger">failed</Badge> : <Badge tone="success">{end.success?.status ?? "ok"}</Badge>}
        {end?.cachedResult && <Badge>cached</Badge>}
      </div>
      <dl class="facts">
        {end?.executionTime !== undefined && <><dt>Time</dt><dd>{duration(end.executionTime)}</dd></>}
        <dt>Ended at</dt><dd>{clock(first.timestamp * 1000)}</dd>
        {first.caller && <><dt>Called by</dt><dd>{first.caller}</dd></>}
        {first.identityType && <><dt>Identity</dt><dd>{first.identityType}</dd></>}
        {usage?.databaseReadDocuments !== undefined && (
          <><dt>Read</dt><dd>{count(usage.databaseReadDocuments)} documents, {bytes(usage.databaseReadBytes ?? 0)}</dd></>
        )}
        {usage?.databaseWriteBytes !== undefined && usage.databaseWriteBytes > 0 && <><dt>Written</dt><dd>{bytes(usage.databaseWriteBytes)}</dd></>}
      </dl>
      {end?.error && <pre class="is-error" tabIndex={0} aria-label="Error">{end.error}</pre>}
      {lines.length > 0 && (
        <pre tabIndex={0} aria-label="Log lines">
          {lines.map((line) => (typeof line === "string" ? line : `${clock(line.timestamp)} [${line.level}] ${lineText(line)}`)).join("\n")}
        </pre>
      )}
      {node.children.length > 0 && <ul role="list" class="run-tree">{node.children.map((child) => <RunView key={child.id} node={child} />)}</ul>}
    </li>
  );
}

/** The panel. */
export function RequestPanel({ rows, requestId, onClose }: { rows: readonly LogRow[]; requestId: string; onClose: () => void }) {
  return (
    <aside class="request-panel" aria-label={`Request ${requestId}`}>
      <header>
        <h2>Request</h2>
        <code>{requestId}</code>
        <CopyButton text={requestId} label="Copy the id" variant="quiet" />
        <IconButton label="Close" size="sm" icon={<CloseIcon />} onClick={onClose} />
      </header>
      <ul role="list" class="run-tree">{treeOf(rows, requestId).map((node) => <RunView key={node.id} node={node} />)}</ul>
    </aside>
  );
}
