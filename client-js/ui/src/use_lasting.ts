import { useEffect, useState } from "preact/hooks";

/** How long something must last to be worth a word, in milliseconds: a connection that is back at once is not. */
const PATIENCE_MS = 1_500;

/** Whether something has been so for longer than a moment. */
export function useLasting(is: boolean): boolean {
  const [lasts, setLasts] = useState(false);
  useEffect(() => {
    if (!is) {
      setLasts(false);
      return undefined;
    }
    const timer = setTimeout(() => setLasts(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [is]);
  return lasts;
}
