/** Says that something is going on; `label` is for screen readers. */
export function Spinner({ label }: { readonly label?: string | undefined }) {
  if (label === undefined) return <span class="ui-spinner" aria-hidden="true" />;
  return (
    <span role="status">
      <span class="ui-spinner" aria-hidden="true" />
      <span class="ui-hidden">{label}</span>
    </span>
  );
}
