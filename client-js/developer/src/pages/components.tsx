// The components of the deployment.

import { useState } from "preact/hooks";
import { useQueryResult } from "fusion-client/preact";
import { Badge, Button, EmptyState, ErrorState, SkeletonLines, Table } from "fusion-ui";
import { PageHead } from "../parts/page_head.tsx";
import { RemoveComponentDialog } from "../parts/remove_component_dialog.tsx";
import { Link } from "../router.tsx";
import { system } from "../system.ts";
import type { Component } from "../system.ts";

/** The page. */
export function ComponentsPage() {
  const result = useQueryResult(system.components, {});
  const [doomed, setDoomed] = useState<Component>();
  const components = result.status === "success" ? result.value.filter(({ name }) => name !== null) : [];
  const close = () => setDoomed(undefined);
  return (
    <div class="page">
      <PageHead title="Components" />
      {result.status === "loading" && <SkeletonLines count={4} />}
      {result.status === "error" && <ErrorState error={result.error} />}
      {result.status === "success" && components.length === 0 && <EmptyState title="No components">They are installed by <code>convex/convex.config.ts</code> and come with a push.</EmptyState>}
      {components.length > 0 && (
        <Table label="Components">
          <thead><tr><th>Path</th><th>State</th><th>HTTP</th><th>See</th><th><span class="ui-hidden">Actions</span></th></tr></thead>
          <tbody>
            {components.map((component) => {
              const { path, state, httpPrefix } = component;
              return (
                <tr key={path}>
                  <td><code>{path}</code></td>
                  <td><Badge tone={state === "active" ? "success" : "neutral"}>{state}</Badge></td>
                  <td><code>{httpPrefix ?? ""}</code></td>
                  <td class="row-links">
                    {["data", "functions", "logs"].map((page) => (
                      <Link key={page} to={`/${page}`} parameters={{ component: path }}>{page}<span class="ui-hidden"> of {path}</span></Link>
                    ))}
                  </td>
                  <td class="number">{state !== "active" && <Button size="sm" aria-label={`Delete ${path}`} onClick={() => setDoomed(component)}>Delete</Button>}</td>
                </tr>
              );
            })}
          </tbody>
        </Table>
      )}
      {doomed && <RemoveComponentDialog component={doomed} onDone={close} onClose={close} />}
    </div>
  );
}
