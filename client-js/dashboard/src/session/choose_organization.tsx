import { Button, ChevronRightIcon, EmptyState } from "fusion-ui";

import { OtherOrganization } from "./other_organization.tsx";
import type { Session, SignInMethod } from "./session.ts";

/** The page for those whose sign-in names no organisation. */
export function ChooseOrganization({ session, method, onChoose, onSignOut }: {
  readonly session: Session;
  readonly method: SignInMethod;
  readonly onChoose: (id: string) => void;
  readonly onSignOut: () => void;
}) {
  return (
    <div class="entrance-card ui-card">
      <div class="entrance-words">
        <h1>Choose an organization</h1>
        <p class="muted">You are signed in as {session.name}.</p>
      </div>
      {session.organizations.length === 0
        ? <EmptyState title="You belong to no organization">Ask somebody who does to invite you, then sign in again.</EmptyState>
        : <ul role="list" class="choices">
            {session.organizations.map(({ id, name }) => (
              <li key={id}>
                <button type="button" class="choice" onClick={() => onChoose(id)}><span>{name}</span><ChevronRightIcon /></button>
              </li>
            ))}
          </ul>}
      {method.takesAnyOrganization && <OtherOrganization onChoose={onChoose} />}
      <Button onClick={onSignOut}>Sign out</Button>
    </div>
  );
}
