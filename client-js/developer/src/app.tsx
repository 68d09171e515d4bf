// Signing in, then the page that the address names.

import type { ComponentType } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { FusionClient } from "fusion-client";
import { FusionProvider } from "fusion-client/preact";
import { EmptyState, ErrorBoundary, ErrorState, Spinner, Toasts, messageOf } from "fusion-ui";
import { Api, ApiError } from "./api.ts";
import { ComponentScope } from "./component.tsx";
import { DeploymentContext } from "./deployment.tsx";
import type { Deployment } from "./deployment.tsx";
import { Sampler } from "./health/samples.ts";
import { BackupsPage } from "./pages/backups.tsx";
import { ComponentsPage } from "./pages/components.tsx";
import { DataPage } from "./pages/data.tsx";
import { EnvironmentPage } from "./pages/environment.tsx";
import { FilesPage } from "./pages/files.tsx";
import { FunctionsPage } from "./pages/functions.tsx";
import { HealthPage } from "./pages/health.tsx";
import { LogsPage } from "./pages/logs.tsx";
import { SchedulesPage } from "./pages/schedules.tsx";
import { SettingsPage } from "./pages/settings.tsx";
import { Link, RouterProvider, useRouter } from "./router.tsx";
import { forgetKey, keepKey, storedKey } from "./session.ts";
import { PAGES, Shell } from "./shell.tsx";
import { SignIn } from "./sign_in.tsx";

const VIEWS: Readonly<Record<string, ComponentType>> = {
  health: HealthPage,
  data: DataPage,
  functions: FunctionsPage,
  logs: LogsPage,
  files: FilesPage,
  schedules: SchedulesPage,
  environment: EnvironmentPage,
  components: ComponentsPage,
  backups: BackupsPage,
  settings: SettingsPage,
};

/** Pages that show one component at a time. */
const SCOPED: ReadonlySet<string> = new Set(["data", "functions", "files", "schedules"]);

/** How the server is asked whether a key is good. */
async function check(api: Api): Promise<{ name: string; version: string }> {
  await api.get("/api/check_admin_key").catch((error: unknown) => {
    // Old servers do not have it.
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  });
  const [name, version] = await Promise.all(["/instance_name", "/version"].map(async (path) => (await api.fetch(path)).text()));
  return { name: name ?? "", version: version ?? "" };
}

type Phase =
  | { readonly at: "asking"; readonly reason?: string | undefined }
  | { readonly at: "checking" }
  | { readonly at: "unreachable"; readonly error: unknown }
  | { readonly at: "in"; readonly deployment: Deployment };

function CurrentPage() {
  const { parts } = useRouter();
  const id = parts[0] ?? "health";
  const View = Object.hasOwn(VIEWS, id) ? VIEWS[id] : undefined;
  const title = PAGES.find((page) => page.id === id)?.title;
  useEffect(() => {
    document.title = title ? `${title} – Fusion` : "Fusion";
  }, [title]);
  if (!View) return <EmptyState title="There is no such page" action={<Link to="/health">To the beginning</Link>} />;
  const page = SCOPED.has(id) || id === "logs" ? <ComponentScope hasAll={id === "logs"}><View /></ComponentScope> : <View />;
  // What went wrong on one page must not be shown on the next.
  return <ErrorBoundary key={id}>{page}</ErrorBoundary>;
}

/** The dashboard. */
export function App() {
  const [phase, setPhase] = useState<Phase>({ at: "checking" });
  const open = useRef<Deployment | undefined>(undefined);

  const signOut = useCallback((reason?: string) => {
    forgetKey();
    open.current?.sampler.stop();
    void open.current?.client.close();
    open.current = undefined;
    setPhase({ at: "asking", reason });
  }, []);

  const signIn = useCallback(async (key: string): Promise<string | undefined> => {
    const api = new Api(location.origin, key);
    let found;
    try {
      found = await check(api);
    } catch (error) {
      if (error instanceof ApiError && error.isKeyRefused) return "This key is not, or no longer, the key of this deployment.";
      throw error;
    }
    keepKey(key);
    const client = new FusionClient(location.origin);
    client.setAdminAuth(key);
    open.current = { api, client, sampler: new Sampler(api), ...found, signOut };
    setPhase({ at: "in", deployment: open.current });
    return undefined;
  }, [signOut]);

  const begin = useCallback(async () => {
    const key = storedKey();
    if (key === undefined) {
      setPhase({ at: "asking" });
      return;
    }
    setPhase({ at: "checking" });
    try {
      const refused = await signIn(key);
      if (refused !== undefined) signOut(refused);
    } catch (error) {
      setPhase({ at: "unreachable", error });
    }
  }, [signIn, signOut]);
  useEffect(() => void begin(), [begin]);

  // A server that was started anew may have another secret.
  const deployment = phase.at === "in" ? phase.deployment : undefined;
  useEffect(() => {
    if (!deployment) return undefined;
    let wasLost = false;
    return deployment.client.subscribeToConnectionState(({ isWebSocketConnected, hasEverConnected, connectionRetries }) => {
      const isLost = !isWebSocketConnected && (hasEverConnected || connectionRetries > 0);
      if (wasLost !== isLost) {
        void check(deployment.api).catch((error: unknown) => {
          if (error instanceof ApiError && error.isKeyRefused) signOut("The admin key is no longer accepted by this deployment.");
        });
      }
      wasLost = isLost;
    });
  }, [deployment, signOut]);

  if (phase.at === "checking") return <main class="sign-in"><h1 class="ui-hidden">Fusion</h1><Spinner label="Signing in" /></main>;
  if (phase.at === "unreachable") {
    return <main class="sign-in"><h1 class="ui-hidden">Fusion</h1><ErrorState title="The deployment cannot be reached" error={phase.error} onRetry={() => void begin()} /></main>;
  }
  if (phase.at === "asking") {
    return <SignIn reason={phase.reason} onKey={(key) => signIn(key).catch((error: unknown) => `The deployment cannot be reached: ${messageOf(error)}`)} />;
  }
  return (
    <DeploymentContext.Provider value={phase.deployment}>
      <FusionProvider client={phase.deployment.client}>
        <RouterProvider>
          <Shell><CurrentPage /></Shell>
          <Toasts />
        </RouterProvider>
      </FusionProvider>
    </DeploymentContext.Provider>
  );
}
