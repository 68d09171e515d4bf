import { useMutation, useQueryResult } from "fusion-client/preact";
import { Button, ErrorState, SelectField, SkeletonLines, TextField, toast, toastError } from "fusion-ui";
import { setTheme, theme } from "fusion-ui";
import type { Theme } from "fusion-ui";
import { useState } from "preact/hooks";

import { api } from "../functions.ts";
import { useSession } from "../session/context.ts";
import { OtherOrganization } from "../session/other_organization.tsx";
import { PageFrame } from "../shell/page.tsx";

const DAYS_MAX = 3_650;

/** Who one is, for whom one acts, and what the organisation keeps. */
export function SettingsPage() {
  const { session, organization, method, choose, leave } = useSession();
  const [chosen, setChosen] = useState(theme);
  return (
    <PageFrame title="Settings" about="Your account here, and what your organization keeps.">
      <section class="ui-card form" aria-labelledby="account">
        <div class="between">
          <div>
            <h2 id="account">{session.name}</h2>
            <p class="muted small">{session.email ?? "No e-mail address"}</p>
          </div>
          <Button onClick={leave}>Sign out</Button>
        </div>
        <SelectField
          label="Theme"
          fieldClass="field-narrow"
          value={chosen}
          onChange={(event) => {
            const next = event.currentTarget.value as Theme;
            setTheme(next);
            setChosen(next);
          }}
        >
          <option value="system">As the system</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </SelectField>
      </section>
      <section class="ui-card form" aria-labelledby="organization">
        <h2 id="organization">Organization</h2>
        <SelectField label="You act for" fieldClass="field-narrow" value={organization.id} onChange={(event) => choose(event.currentTarget.value)}>
          {session.organizations.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
        </SelectField>
        {method.takesAnyOrganization && <OtherOrganization onChoose={choose} />}
      </section>
      <section class="ui-card form" aria-labelledby="retention">
        <h2 id="retention">Conversations</h2>
        <Retention />
      </section>
    </PageFrame>
  );
}

/** How long conversations are kept. */
function Retention() {
  const policy = useQueryResult(api.private.retention.getOne, {});
  const upsert = useMutation(api.private.retention.upsert);
  const [changed, setChanged] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  if (policy.status === "loading") return <SkeletonLines count={1} />;
  if (policy.status === "error") return <ErrorState error={policy.error} />;
  const saved = policy.value === null ? "" : String(policy.value.conversationDays);
  const text = changed ?? saved;
  const days = text.trim() === "" ? null : Number(text);
  const error = days === null || (Number.isInteger(days) && days >= 1 && days <= DAYS_MAX) ? undefined : `Give whole days from 1 to ${DAYS_MAX}, or nothing.`;
  const save = async (event: Event) => {
    event.preventDefault();
    if (error) return;
    setBusy(true);
    try {
      await upsert({ conversationDays: days });
      setChanged(undefined);
      toast(days === null ? "Conversations are kept." : `Conversations are forgotten ${days} days after their last message.`);
    } catch (failure) {
      toastError(failure);
    }
    setBusy(false);
  };
  return (
    <form class="row-form" onSubmit={save}>
      <TextField
        label="Forget conversations after days"
        hint="Counted from the last message. Empty: they are kept."
        error={error}
        inputMode="numeric"
        value={text}
        onInput={(event) => setChanged(event.currentTarget.value)}
      />
      <Button type="submit" busy={busy} disabled={!busy && (text === saved || error !== undefined)}>Save</Button>
    </form>
  );
}
