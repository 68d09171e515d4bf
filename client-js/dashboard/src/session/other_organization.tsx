import { Button, TextField } from "fusion-ui";
import { useState } from "preact/hooks";

/** Names an organisation that is in no list. */
export function OtherOrganization({ onChoose }: { readonly onChoose: (id: string) => void }) {
  const [id, setId] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    if (id.trim() !== "") onChoose(id.trim());
  };
  return (
    <form class="row-form" onSubmit={submit}>
      <TextField label="Another organization's id" value={id} placeholder="org_…" autoComplete="off" onInput={(event) => setId(event.currentTarget.value)} />
      <Button type="submit" disabled={id.trim() === ""}>Switch</Button>
    </form>
  );
}
