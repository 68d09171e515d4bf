import { EmptyState, ErrorState, Spinner } from "fusion-ui";

import { useIsOffline } from "../connection.ts";
import { Screen } from "../screen.tsx";

/** Nothing is known yet. */
export function LoadingScreen() {
  const isOffline = useIsOffline();
  return (
    <Screen title="Chat">
      <div class="widget-center">
        {isOffline
          ? <EmptyState title="The chat cannot be reached">Please check your connection. The chat goes on by itself once it is back.</EmptyState>
          : <div role="status"><Spinner label="Loading" /></div>}
      </div>
    </Screen>
  );
}

/** The widget cannot be used. */
export function FailedScreen({ reason, onRetry }: { readonly reason: string; readonly onRetry: (() => void) | undefined }) {
  return (
    <Screen title="Chat">
      <div class="widget-center"><ErrorState title="The chat is not available" error={reason} onRetry={onRetry} /></div>
    </Screen>
  );
}
