// The functions of the deployment: what there is, what they are made of, how they do, and running them.

import { useMemo, useState } from "preact/hooks";
import { Badge, EmptyState, ErrorState, SkeletonLines, TabPanel, Tabs, TextField } from "fusion-ui";
import { scopeArgs, useScope, useScopedQuery } from "../component.tsx";
import { useRequest } from "../deployment.tsx";
import { FunctionFiguresView } from "../functions/figures_view.tsx";
import { RunPanel } from "../functions/run_panel.tsx";
import { apiSpec, byModule } from "../functions/spec.ts";
import type { CallableFunction } from "../functions/spec.ts";
import { Code } from "../parts/code.tsx";
import { PageHead } from "../parts/page_head.tsx";
import { Link, useRouter } from "../router.tsx";
import { validatorText } from "../values/validator.ts";

const SIGNS = { Query: "Q", Mutation: "M", Action: "A", HttpAction: "H" } as const;

function Source({ called }: { called: CallableFunction }) {
  const source = useRequest<string | null>("/api/get_source_code", { path: `${called.module}.js`, ...scopeArgs(useScope()) });
  const types = [
    ...(called.args ? [`args: ${validatorText(called.args)}`] : []),
    ...(called.returns ? [`returns: ${validatorText(called.returns)}`] : []),
  ].join(",\n");
  return (
    <div class="stack">
      <h2>Types</h2>
      {types === "" ? <p class="muted">It takes and returns anything.</p> : <Code label="Validators" text={types} />}
      <h2>Source of {called.module}</h2>
      {source.status === "loading" && <SkeletonLines count={8} height="1rem" />}
      {source.status === "error" && <ErrorState error={source.error} onRetry={source.refresh} />}
      {source.status === "success" && (source.value === null
        ? <p class="muted">This function is compiled into the server.</p>
        : (
          <>
            {source.value.includes("//# sourceMappingURL=") && (
              <p class="muted">
                This is the bundle that was pushed. To see what you wrote, set <code>{'"bundler": { "includeSourcesContent": true }'}</code> in <code>convex.json</code> and push again.
              </p>
            )}
            <Code lines label={`Source of ${called.module}`} text={source.value} />
          </>
        ))}
    </div>
  );
}

type Tab = "run" | "source" | "figures";

function FunctionView({ called }: { called: CallableFunction }) {
  const [tab, setTab] = useState<Tab>("run");
  return (
    <section class="function-view" aria-label={called.id}>
      <PageHead
        title={called.name}
        aside={<><code>{called.id}</code> <Badge tone="accent">{called.kind}</Badge> {called.isPublic ? <Badge>public</Badge> : <Badge tone="warning">internal</Badge>}</>}
      >
        <Link to="/logs" parameters={{ function: called.id }} class="ui-button ui-button-secondary ui-button-sm">Its log</Link>
      </PageHead>
      <Tabs
        name="function"
        label="About this function"
        tabs={[{ id: "run", label: "Run" }, { id: "source", label: "Source" }, { id: "figures", label: "Figures" }]}
        selected={tab}
        onSelect={setTab}
      />
      <TabPanel name="function" selected={tab} class="tab-panel">
        {tab === "run" && <RunPanel called={called} />}
        {tab === "source" && <Source called={called} />}
        {tab === "figures" && <FunctionFiguresView called={called} />}
      </TabPanel>
    </section>
  );
}

/** The page. */
export function FunctionsPage() {
  const router = useRouter();
  const spec = useScopedQuery(apiSpec, {});
  const [wanted, setWanted] = useState("");
  const modules = useMemo(() => (spec.status === "success" ? byModule(spec.value) : undefined), [spec]);
  const all = useMemo(() => [...(modules?.values() ?? [])].flat(), [modules]);
  const id = router.parameters.get("function") ?? all[0]?.id;
  const current = all.find((one) => one.id === id);
  const shown = [...(modules ?? [])].flatMap(([module, functions]) => {
    const kept = functions.filter((one) => one.id.toLowerCase().includes(wanted.toLowerCase()));
    return kept.length > 0 ? [[module, kept] as const] : [];
  });

  let content;
  if (spec.status === "loading") content = <SkeletonLines count={10} height="1.25rem" />;
  else if (spec.status === "error") content = <ErrorState error={spec.error} />;
  else if (all.length === 0) content = <EmptyState title="No functions yet">Push some: <code>fusion dev</code> or <code>npx convex dev</code> in a folder with <code>convex/</code>.</EmptyState>;
  else if (!current) content = <EmptyState title={`There is no function ${id ?? ""}`} action={<Link to="/functions">All functions</Link>} />;
  else content = <FunctionView key={current.id} called={current} />;
  return (
    <div class="split">
      <aside class="list-pane" aria-label="Functions">
        <div class="list-head"><h2>Functions</h2></div>
        <TextField label="Find a function" hideLabel placeholder="Find a function" value={wanted} onInput={(event: Event) => setWanted((event.target as HTMLInputElement).value)} />
        {spec.status === "loading" && <SkeletonLines count={6} height="1rem" />}
        <nav aria-label="Functions">
          {shown.map(([module, functions]) => (
            <details key={module} open>
              <summary title={module}>{module}</summary>
              <ul role="list">
                {functions.map((one) => (
                  <li key={one.id}>
                    <Link to="/functions" parameters={{ function: one.id }} isCurrent={one.id === current?.id} class="item">
                      <span class="item-name" title={one.id}>{one.name}</span>
                      <abbr title={`${one.kind}${one.isPublic ? "" : ", internal"}`} class={`kind kind-${one.kind}`}>{SIGNS[one.kind]}</abbr>
                    </Link>
                  </li>
                ))}
              </ul>
            </details>
          ))}
          {modules && shown.length === 0 && all.length > 0 && <p class="muted small">No name has “{wanted}”.</p>}
        </nav>
      </aside>
      <div class="content-pane">{content}</div>
    </div>
  );
}
