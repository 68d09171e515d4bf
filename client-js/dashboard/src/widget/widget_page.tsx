import { useMutation, useQueryResult } from "fusion-client/preact";
import { Button, ErrorState, SkeletonLines, TextAreaField, TextField, toast, toastError } from "fusion-ui";
import { useState } from "preact/hooks";

import { api } from "../functions.ts";
import { useSession } from "../session/context.ts";
import { PageFrame } from "../shell/page.tsx";
import { VoiceFields } from "./voice_fields.tsx";
import { formOf, settingsOf } from "./widget_form.ts";
import type { WidgetForm } from "./widget_form.ts";
import { WidgetPreview } from "./widget_preview.tsx";

/** How the widget greets, and what it offers. */
export function WidgetPage() {
  const { organization } = useSession();
  const settings = useQueryResult(api.private.widgetSettings.getOne, {});
  return (
    <PageFrame
      title="Widget"
      about="What visitors see when they open the chat. Changes count for new conversations at once."
      actions={<a class="ui-button ui-button-secondary" href={`/widget?organizationId=${encodeURIComponent(organization.id)}`} target="_blank" rel="noopener">Open the widget</a>}
    >
      {settings.status === "loading" && <div class="ui-card"><SkeletonLines count={6} /></div>}
      {settings.status === "error" && <ErrorState error={settings.error} />}
      {settings.status === "success" && <WidgetSettingsForm saved={formOf(settings.value)} isNew={settings.value === null} />}
    </PageFrame>
  );
}

function WidgetSettingsForm({ saved, isNew }: { readonly saved: WidgetForm; readonly isNew: boolean }) {
  const upsert = useMutation(api.private.widgetSettings.upsert);
  // Until something is changed here, what others save is shown.
  const [changed, setChanged] = useState<WidgetForm | undefined>();
  const [busy, setBusy] = useState(false);
  const form = changed ?? saved;
  const change = (values: Partial<WidgetForm>) => setChanged({ ...form, ...values });
  const isChanged = isNew || (changed !== undefined && JSON.stringify(settingsOf(changed)) !== JSON.stringify(settingsOf(saved)));
  const error = form.greeting.trim() === "" ? "Visitors are greeted with this: it cannot be empty." : undefined;
  const save = async (event: Event) => {
    event.preventDefault();
    if (error || busy) return;
    setBusy(true);
    try {
      await upsert(settingsOf(form));
      setChanged(undefined);
      toast("The widget is saved.");
    } catch (failure) {
      toastError(failure);
    }
    setBusy(false);
  };
  const suggest = (at: number, text: string) => {
    const [first, second, third] = form.suggestions.map((old, index) => (index === at ? text : old));
    change({ suggestions: [first ?? "", second ?? "", third ?? ""] });
  };
  return (
    <div class="widget-page">
      <form class="ui-card form" onSubmit={save}>
        <TextAreaField label="Greeting" hint="The first message of every conversation." error={error} value={form.greeting} onInput={(event) => change({ greeting: event.currentTarget.value })} />
        <fieldset class="fieldset">
          <legend>Suggestions</legend>
          <p class="muted small">Questions visitors can start with by one press.</p>
          {form.suggestions.map((text, index) => (
            <TextField key={index} label={`Suggestion ${index + 1}`} value={text} onInput={(event) => suggest(index, event.currentTarget.value)} />
          ))}
        </fieldset>
        <VoiceFields form={form} onChange={change} />
        <div class="form-foot">
          {changed && isChanged && !isNew && <Button onClick={() => setChanged(undefined)}>Discard changes</Button>}
          <Button type="submit" variant="primary" busy={busy} disabled={!busy && (!isChanged || error !== undefined)}>Save</Button>
        </div>
      </form>
      <WidgetPreview form={form} />
    </div>
  );
}
