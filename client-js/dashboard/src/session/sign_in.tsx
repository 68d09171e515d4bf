import { AlertIcon, Button, MessageIcon } from "fusion-ui";

import type { SignInMethod } from "./session.ts";

/** The page before everything else. */
export function SignIn({ methodAt, notice, busy, onSignIn }: {
  /** Absent where the deployment signs nobody in. */
  readonly methodAt: SignInMethod | undefined;
  readonly notice: string | undefined;
  readonly busy: boolean;
  readonly onSignIn: () => void;
}) {
  return (
    <div class="entrance-card ui-card">
      <span class="brand-mark"><MessageIcon /></span>
      <div class="entrance-words">
        <h1>Fusion Chat</h1>
        <p class="muted">Answer your visitors, and teach the assistant to do it for you.</p>
      </div>
      {notice && <p class="ui-notice ui-notice-warning" role="alert"><AlertIcon />{notice}</p>}
      {methodAt
        ? <>
            <Button variant="primary" busy={busy} onClick={onSignIn}>{methodAt.label}</Button>
            {methodAt.hint && <p class="muted small">{methodAt.hint}</p>}
          </>
        : <div class="ui-notice ui-notice-warning" role="alert">
            <AlertIcon />
            <p>Nobody can sign in yet: this server knows no issuer. Set <code>CLERK_JWT_ISSUER_DOMAIN</code> and <code>OIDC_CLIENT_ID</code>, or <code>CLERK_PUBLISHABLE_KEY</code>, with <code>fusion env set</code>, then restart it.</p>
          </div>}
    </div>
  );
}
