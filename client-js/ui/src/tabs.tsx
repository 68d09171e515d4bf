import type { ComponentChildren } from "preact";

/** A tab; `id` is what the page remembers. */
export type Tab<Id extends string> = { readonly id: Id; readonly label: ComponentChildren };

/** Chooses one of several views; arrow keys go from tab to tab. The view is a `TabPanel` of the same `name`. */
export function Tabs<Id extends string>({ name, label, tabs, selected, onSelect }: {
  readonly name: string;
  readonly label: string;
  readonly tabs: readonly Tab<Id>[];
  readonly selected: Id;
  readonly onSelect: (id: Id) => void;
}) {
  const onKeyDown = (event: KeyboardEvent) => {
    const at = tabs.findIndex((tab) => tab.id === selected);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const tab = tabs[(next + tabs.length) % tabs.length];
    if (!tab) return;
    onSelect(tab.id);
    document.getElementById(`${name}-tab-${tab.id}`)?.focus();
  };
  return (
    <div class="ui-tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          class="ui-tab"
          id={`${name}-tab-${tab.id}`}
          aria-selected={tab.id === selected}
          aria-controls={`${name}-panel`}
          tabIndex={tab.id === selected ? 0 : -1}
          onClick={() => onSelect(tab.id)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}

/** What the selected tab shows. */
export function TabPanel({ name, selected, class: extra, children }: {
  readonly name: string;
  readonly selected: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}) {
  return <div role="tabpanel" id={`${name}-panel`} aria-labelledby={`${name}-tab-${selected}`} class={extra}>{children}</div>;
}
