// The components of the deployment.

import { useQueryResult } from "fusion-client/preact";
import { Badge, Button, EmptyState, ErrorState, SkeletonLines, Table, toast, toastError } from "fusion-ui";
import { useDeployment } from "../deployment.tsx";
import { PageHead } from "../parts/page_head.tsx";
import { system } from "../system.ts";
import { formatLine } from "../values/format.ts";

/** The page. */
export function ComponentsPage() {
  const { api } = useDeployment();
  const result = useQueryResult(system.components, {});
  const components = result.status === "success" ? result.value.filter(({ name }) => name !== null) : [];
  const remove = (componentId: string | null) =>
    api.post("/api/delete_component", { componentId }).then(() => toast("The component is deleted."), toastError);
  return (
    <div class="page">
      <PageHead title="Components" />
      {result.status === "loading" && <SkeletonLines count={4} />}
      {result.status === "error" && <ErrorState error={result.error} />}
      {result.status === "success" && components.length === 0 && <EmptyState title="No components">They are installed by <code>convex/convex.config.ts</code> and come with a push.</EmptyState>}
      {components.length > 0 && (
        <Table label="Components">
          <thead><tr><th>Path</th><th>Name</th><th>State</th><th>HTTP</th><th>Arguments</th><th><span class="ui-hidden">Actions</span></th></tr></thead>
          <tbody>
            {components.map(({ id, path, name, state, httpPrefix, args }) => (
              <tr key={path}>
                <td><code>{path}</code></td>
                <td>{name}</td>
                <td><Badge tone={state === "active" ? "success" : "neutral"}>{state}</Badge></td>
                <td><code>{httpPrefix ?? ""}</code></td>
                <td><code class="break">{args === undefined || args === null ? "" : formatLine(args)}</code></td>
                <td class="number">{state !== "active" && <Button size="sm" onClick={() => void remove(id)}>Delete</Button>}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </div>
  );
}
