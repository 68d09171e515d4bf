import { CopyButton, TabPanel, Tabs } from "fusion-ui";
import { useState } from "preact/hooks";

import { useSession } from "../session/context.ts";
import { PageFrame } from "../shell/page.tsx";
import { snippetsOf } from "./snippets.ts";
import type { Snippet } from "./snippets.ts";

/** What to put on a page so that it has the chat. */
export function InstallPage() {
  const { organization } = useSession();
  const [chosen, setChosen] = useState<Snippet["id"]>("html");
  const snippets = snippetsOf(location.origin, organization.id);
  const snippet = snippets.find(({ id }) => id === chosen);
  return (
    <PageFrame
      title="Install"
      about="Put the chat on your website: one line, and it is there."
      actions={<a class="ui-button ui-button-secondary" href={`/demo?organizationId=${encodeURIComponent(organization.id)}`} target="_blank" rel="noopener">See it on a demo page</a>}
    >
      <section class="ui-card form" aria-label="Organization">
        <p class="key"><span class="muted small">Organization id</span> <code class="ellipsis">{organization.id}</code> <CopyButton text={organization.id} /></p>
      </section>
      <section class="ui-card snippets" aria-label="Snippets">
        <Tabs name="snippets" label="How your website is made" tabs={snippets} selected={chosen} onSelect={setChosen} />
        {snippet && (
          <TabPanel name="snippets" selected={chosen} class="snippet">
            <div class="between">
              <p class="muted">{snippet.where}</p>
              <CopyButton text={snippet.code} />
            </div>
            <pre tabIndex={0}><code>{snippet.code}</code></pre>
          </TabPanel>
        )}
      </section>
    </PageFrame>
  );
}
