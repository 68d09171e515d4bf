import { useQueryResult } from "fusion-client/preact";
import { ErrorState, SelectField, Skeleton } from "fusion-ui";

import { api } from "../functions.ts";
import type { PhoneNumber, VoiceAssistant } from "../functions.ts";
import { BASE, Link } from "../router.tsx";
import { useVoiceLists } from "../voice/use_voice_lists.ts";
import type { WidgetForm } from "./widget_form.ts";

/** Who takes calls from the widget; the choice is what the voice service has. */
export function VoiceFields({ form, onChange }: { readonly form: WidgetForm; readonly onChange: (values: Partial<WidgetForm>) => void }) {
  const plugin = useQueryResult(api.private.plugins.getOne, { service: "vapi" });
  return (
    <fieldset class="fieldset">
      <legend>Voice</legend>
      {plugin.status === "loading" && <Skeleton height="2.25rem" />}
      {plugin.status === "error" && <ErrorState error={plugin.error} />}
      {plugin.status === "success" && (plugin.value === null
        ? <p class="muted small">Visitors can also talk. <Link href={`${BASE}/voice`}>Connect a voice service</Link> first.</p>
        : <Choices key={plugin.value._id} form={form} onChange={onChange} />)}
    </fieldset>
  );
}

function Choices({ form, onChange }: { readonly form: WidgetForm; readonly onChange: (values: Partial<WidgetForm>) => void }) {
  const lists = useVoiceLists();
  if (lists.status === "loading") return <><Skeleton height="2.25rem" /><Skeleton height="2.25rem" /></>;
  if (lists.status === "error") return <ErrorState title="The voice service does not answer" error={lists.error} onRetry={lists.retry} />;
  const { assistants, numbers } = lists;
  return (
    <>
      <SelectField label="Voice assistant" hint="Talks to visitors who press the call button." value={form.assistantId} onChange={(event) => onChange({ assistantId: event.currentTarget.value })}>
        <option value="">None</option>
        <Missing value={form.assistantId} known={assistants.map(({ id }) => id)} />
        {assistants.map((one: VoiceAssistant) => <option key={one.id} value={one.id}>{one.name ?? one.id}</option>)}
      </SelectField>
      <SelectField label="Phone number" hint="Shown to visitors who would rather call." value={form.phoneNumber} onChange={(event) => onChange({ phoneNumber: event.currentTarget.value })}>
        <option value="">None</option>
        <Missing value={form.phoneNumber} known={numbers.map(numberOf)} />
        {numbers.map((one: PhoneNumber) => <option key={one.id} value={numberOf(one)}>{one.name ? `${numberOf(one)} (${one.name})` : numberOf(one)}</option>)}
      </SelectField>
    </>
  );
}

const numberOf = ({ number, id }: PhoneNumber) => number ?? id;

/** What was chosen once stays visible when the service no longer has it. */
function Missing({ value, known }: { readonly value: string; readonly known: readonly string[] }) {
  return value === "" || known.includes(value) ? null : <option value={value}>{value} (no longer there)</option>;
}
