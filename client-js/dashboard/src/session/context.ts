import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Organization, Session, SignInMethod } from "./session.ts";

/** Who is signed in, for which organisation, and what one can do about it. */
export type SignedIn = {
  readonly session: Session;
  readonly organization: Organization;
  readonly method: SignInMethod;
  readonly choose: (organizationId: string) => void;
  readonly leave: () => void;
};

export const SessionContext = createContext<SignedIn | undefined>(undefined);

/** Who is signed in; only for pages that are shown to those who are. */
export function useSession(): SignedIn {
  const session = useContext(SessionContext);
  if (!session) throw new Error("Nobody is signed in.");
  return session;
}
