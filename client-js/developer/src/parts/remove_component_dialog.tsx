// Asks before an unmounted component is gone.

import { ConfirmDialog, toast, toastError } from "fusion-ui";
import { useAttempt } from "./use_attempt.ts";
import { useDeployment } from "../deployment.tsx";
import type { Component } from "../system.ts";

/** The dialog. */
export function RemoveComponentDialog({ component, onDone, onClose }: { component: Component; onDone: () => void; onClose: () => void }) {
  const { api } = useDeployment();
  const { isBusy, run } = useAttempt(toastError);
  const remove = () =>
    run(async () => {
      await api.post("/api/delete_component", { componentId: component.id });
      toast(`The component ${component.path} is deleted.`);
      onDone();
    });
  return (
    <ConfirmDialog open title={`Delete the component ${component.path}?`} action="Delete" busy={isBusy} onConfirm={() => void remove()} onClose={onClose}>
      <p>Its tables, files and scheduled functions will be gone, and those of the components in it. This cannot be undone.</p>
    </ConfirmDialog>
  );
}
