import { useConnectionState } from "fusion-client/preact";
import { useLasting } from "fusion-ui";

/** Whether the server has been out of reach for longer than a moment. */
export function useIsOffline(): boolean {
  return useLasting(!useConnectionState().isWebSocketConnected);
}
