// What the deployment is, how it is reached, and what was done to it.

import { useCallback, useState } from "preact/hooks";
import { useQueryResult } from "fusion-client/preact";
import { CopyButton, EmptyState, ErrorState, RelativeTime, SelectField, SkeletonLines, Table, setTheme, theme } from "fusion-ui";
import type { Theme } from "fusion-ui";
import type { PageWindow } from "../data/page_window.ts";
import { useWindow } from "../data/use_window.ts";
import { useDeployment } from "../deployment.tsx";
import { Code } from "../parts/code.tsx";
import { Fact } from "../parts/fact.tsx";
import { LogStream } from "../parts/log_stream.tsx";
import { Pausing } from "../parts/pausing.tsx";
import { PageHead } from "../parts/page_head.tsx";
import { VirtualList } from "../parts/virtual.tsx";
import { system } from "../system.ts";
import type { DeploymentEvent } from "../system.ts";
import { format, preview } from "../values/format.ts";
import type { Value } from "../values/value.ts";
import { isObject } from "../values/value.ts";

const ROW = 40;

/** Where the deployment says it is; where it is reached until that is known. */
function useUrl(): string {
  const { api } = useDeployment();
  const cloud = useQueryResult(system.cloudUrl, {});
  return cloud.status === "success" ? cloud.value : api.url;
}

function Deployment() {
  const { api, name, version } = useDeployment();
  const site = useQueryResult(system.siteUrl, {});
  const packaged = useQueryResult(system.packageVersion, {});
  const value = (result: { status: string; value?: string | null | undefined }) => (result.status === "success" ? result.value : undefined);
  const url = useUrl();
  return (
    <section class="card stack" aria-label="Deployment">
      <h2>Deployment</h2>
      <dl class="facts">
        <Fact title="API" value={url} />
        <Fact title="HTTP actions" value={value(site)} />
        <Fact title="Instance" value={name} />
        <Fact title="Version" value={version} />
        <Fact title="convex package of the last push" value={value(packaged)} />
        <Fact title="Admin key" value={api.key} isSecret />
      </dl>
    </section>
  );
}

function CommandLine() {
  const { api } = useDeployment();
  const url = useUrl();
  return (
    <section class="card stack" aria-label="Command line">
      <h2>Command line</h2>
      <p class="muted">In <code>.env.local</code> of a project, for <code>npx convex</code> and <code>fusion</code> alike. The admin key is the deploy key, too.</p>
      <Secret label=".env.local" text={`CONVEX_SELF_HOSTED_URL=${url}\nCONVEX_SELF_HOSTED_ADMIN_KEY=${api.key}`} secret={api.key} />
      <Code label="Commands" text={"npx convex dev       # pushes with every edit\nnpx convex deploy    # pushes once\nfusion deploy        # the same without npm\nfusion logs          # what functions print"} />
      <p class="muted">In a page:</p>
      <Code label="In a page" text={`import { ConvexClient } from "convex/browser";\n\nconst client = new ConvexClient(${JSON.stringify(url)});`} />
    </section>
  );
}

/** A text with a secret in it that is copied whole and shown without. */
function Secret({ label, text, secret }: { label: string; text: string; secret: string }) {
  return (
    <div class="code">
      <pre tabIndex={0} aria-label={label}>{text.replace(secret, "••••••••••••")}</pre>
      <CopyButton text={text} />
    </div>
  );
}

function AuthProviders() {
  const result = useQueryResult(system.authProviders, {});
  return (
    <section class="card stack" aria-label="Authentication">
      <h2>Authentication</h2>
      {result.status === "loading" && <SkeletonLines count={2} />}
      {result.status === "error" && <ErrorState error={result.error} />}
      {result.status === "success" && result.value.length === 0 && <EmptyState title="No issuers">They come with <code>convex/auth.config.ts</code>, or with <code>--auth-providers</code>.</EmptyState>}
      {result.status === "success" && result.value.length > 0 && (
        <Table label="Issuers of tokens">
          <thead><tr><th>Kind</th><th>Issuer</th><th>Audience</th></tr></thead>
          <tbody>
            {result.value.map((provider) => {
              const fields: Record<string, Value> = isObject(provider) ? provider : {};
              const issuer = fields["domain"] ?? fields["issuer"] ?? null;
              return (
                <tr key={format(provider)}>
                  <td>{fields["type"] === "customJwt" ? "JWT" : "OpenID Connect"}</td>
                  <td><code class="break">{String(issuer ?? "")}</code></td>
                  <td><code class="break">{String(fields["applicationID"] ?? "any")}</code></td>
                </tr>
              );
            })}
          </tbody>
        </Table>
      )}
    </section>
  );
}

function Events() {
  const [round, setRound] = useState(0);
  const rows = useWindow(system.events, { filters: { minDate: 0 } }, round, 50) as PageWindow<DeploymentEvent>;
  const look = useCallback((first: number, last: number) => rows.look(first, last), [rows]);
  let content;
  if (rows.error !== undefined && rows.count === 0) content = <ErrorState error={rows.error} onRetry={() => setRound(round + 1)} />;
  else if (rows.isLoading) content = <SkeletonLines count={3} />;
  else if (rows.count === 0 && rows.isDone) content = <EmptyState title="Nothing yet">Pushes and changes of the environment are kept here.</EmptyState>;
  else {
    content = (
      <VirtualList
        count={rows.count}
        height={ROW}
        label="Events"
        class="events"
        onView={look}
        row={(at) => {
          const event = rows.row(at);
          return event ? (
            <li key={event._id} class="event-row">
              <RelativeTime at={event._creationTime} />
              <strong>{event.action.replaceAll("_", " ")}</strong>
              <code class="clip" title={format(event.metadata)}>{preview(event.metadata, 200)}</code>
            </li>
          ) : <li key={at} class="event-row"><span class="grid-wait" /></li>;
        }}
      />
    );
  }
  return <section class="card stack" aria-label="Deployment events"><h2>Deployment events</h2>{content}</section>;
}

function Look() {
  const [chosen, setChosen] = useState<Theme>(theme);
  return (
    <section class="card stack" aria-label="This dashboard">
      <h2>This dashboard</h2>
      <SelectField
        label="Colours"
        fieldClass="narrow"
        value={chosen}
        onChange={(event: Event) => {
          const next = (event.target as HTMLSelectElement).value as Theme;
          setTheme(next);
          setChosen(next);
        }}
      >
        <option value="system">as the system</option>
        <option value="light">light</option>
        <option value="dark">dark</option>
      </SelectField>
    </section>
  );
}

/** The page. */
export function SettingsPage() {
  return (
    <div class="page">
      <PageHead title="Settings" />
      <div class="columns">
        <div class="stack">
          <Deployment />
          <Pausing />
          <LogStream />
          <AuthProviders />
          <Look />
        </div>
        <CommandLine />
      </div>
      <Events />
    </div>
  );
}
