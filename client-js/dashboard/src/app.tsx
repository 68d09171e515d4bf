import type { FusionClient } from "fusion-client";
import { Button, ErrorState, Spinner } from "fusion-ui";

import { SessionContext } from "./session/context.ts";
import { ChooseOrganization } from "./session/choose_organization.tsx";
import { SignIn } from "./session/sign_in.tsx";
import { useSignIn } from "./session/use_sign_in.ts";
import { Shell } from "./shell/shell.tsx";

/** Everything: the way in, then the pages of the organisation one acts for. */
export function App({ client }: { readonly client: FusionClient }) {
  const signIn = useSignIn(client);
  switch (signIn.state) {
    case "loading":
      return <main class="entrance entrance-waiting"><Spinner label="Loading" /></main>;
    case "failed":
      return (
        <main class="entrance">
          <h1 class="ui-hidden">Fusion Chat</h1>
          <ErrorState title="Nobody can sign in now" error={signIn.error} onRetry={signIn.retry} />
          {signIn.leave && <Button onClick={signIn.leave}>Sign in anew</Button>}
        </main>
      );
    case "closed":
      return <main class="entrance"><SignIn methodAt={undefined} notice={undefined} busy={false} onSignIn={() => undefined} /></main>;
    case "out":
      return <main class="entrance"><SignIn methodAt={signIn.method} notice={signIn.notice} busy={signIn.busy} onSignIn={signIn.enter} /></main>;
    case "choosing":
      return <main class="entrance"><ChooseOrganization session={signIn.session} method={signIn.method} onChoose={signIn.choose} onSignOut={signIn.leave} /></main>;
    case "in": {
      const { session, organization, method, choose, leave } = signIn;
      return (
        <SessionContext.Provider value={{ session, organization, method, choose, leave }}>
          <Shell key={organization.id} />
        </SessionContext.Provider>
      );
    }
  }
}
