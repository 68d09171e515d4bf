import { useConnectionState } from "fusion-client/preact";
import { AlertIcon } from "fusion-ui";
import { useEffect, useState } from "preact/hooks";

/** A connection that is back at once is not worth a word. */
const PATIENCE = 1_500;

/** Says that what is shown may be old, while there is no connection. */
export function ConnectionNotice() {
  const { isWebSocketConnected } = useConnectionState();
  const [isLost, setIsLost] = useState(false);
  useEffect(() => {
    if (isWebSocketConnected) {
      setIsLost(false);
      return undefined;
    }
    const timer = setTimeout(() => setIsLost(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [isWebSocketConnected]);
  return (
    <div role="status">
      {isLost && <p class="connection-notice"><AlertIcon />No connection to the server. Trying again…</p>}
    </div>
  );
}
