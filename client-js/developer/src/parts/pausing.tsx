// Whether the deployment runs: the banner that says it does not, and the switch.

import { useState } from "preact/hooks";
import { useQueryResult } from "fusion-client/preact";
import { Badge, Button, ConfirmDialog, ErrorState, SkeletonLines, toast, toastError } from "fusion-ui";
import { useDeployment } from "../deployment.tsx";
import { Link } from "../router.tsx";
import { system } from "../system.ts";

/** On every page while the deployment is paused. */
export function PausedBanner() {
  const result = useQueryResult(system.deploymentState, {});
  return (
    <div role="status" class="connection">
      {result.status === "success" && result.value.state === "paused" && (
        <p>This deployment is paused: it runs no functions. <Link to="/settings">Settings</Link></p>
      )}
    </div>
  );
}

/** Pauses the deployment and lets it run again. */
export function Pausing() {
  const { api } = useDeployment();
  const result = useQueryResult(system.deploymentState, {});
  const [isAsked, setIsAsked] = useState(false);
  const [isBusy, setIsBusy] = useState(false);
  const isPaused = result.status === "success" && result.value.state === "paused";
  const change = async () => {
    setIsBusy(true);
    try {
      await api.post(isPaused ? "/api/v1/unpause_deployment" : "/api/v1/pause_deployment");
      toast(isPaused ? "The deployment runs again." : "The deployment is paused.");
      setIsAsked(false);
    } catch (error) {
      toastError(error);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <section class="card stack" aria-label="Pause">
      <h2>Pause {result.status === "success" && <Badge tone={isPaused ? "warning" : "success"}>{result.value.state}</Badge>}</h2>
      {result.status === "loading" && <SkeletonLines count={1} />}
      {result.status === "error" && <ErrorState error={result.error} />}
      {result.status === "success" && (
        <>
          <p class="muted">A paused deployment refuses every call of a function. Scheduled functions wait until it is resumed, runs of crons are skipped. Data, pushes, imports and exports work as ever.</p>
          <div><Button variant={isPaused ? "primary" : "danger"} onClick={() => setIsAsked(true)}>{isPaused ? "Resume" : "Pause"}</Button></div>
        </>
      )}
      <ConfirmDialog
        open={isAsked}
        title={isPaused ? "Resume the deployment?" : "Pause the deployment?"}
        action={isPaused ? "Resume" : "Pause"}
        variant={isPaused ? "primary" : "danger"}
        busy={isBusy}
        onConfirm={() => void change()}
        onClose={() => setIsAsked(false)}
      >
        <p>{isPaused ? "Functions run again, and the scheduled ones that fell due meanwhile run at once." : "Every call of every user and of every webhook fails until it is resumed. Actions that run go on, but what they call fails."}</p>
      </ConfirmDialog>
    </section>
  );
}
