import { useConnectionState } from "fusion-client/preact";
import { AlertIcon, useLasting } from "fusion-ui";

/** Says that what is shown may be old, while there is no connection. */
export function ConnectionNotice() {
  const isLost = useLasting(!useConnectionState().isWebSocketConnected);
  return (
    <div role="status">
      {isLost && <p class="connection-notice"><AlertIcon />No connection to the server. Trying again…</p>}
    </div>
  );
}
