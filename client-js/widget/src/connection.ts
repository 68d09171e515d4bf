import { useConnectionState } from "fusion-client/preact";
import { useEffect, useState } from "preact/hooks";

/** How long a connection may be away before it is worth mentioning, in milliseconds. */
const PATIENCE = 1500;

/** Whether the server has been out of reach for longer than a moment. */
export function useIsOffline(): boolean {
  const { isWebSocketConnected } = useConnectionState();
  const [isOffline, setIsOffline] = useState(false);
  useEffect(() => {
    if (isWebSocketConnected) {
      setIsOffline(false);
      return undefined;
    }
    const timer = setTimeout(() => setIsOffline(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [isWebSocketConnected]);
  return isOffline;
}
