// Signs of the pages, beside those of the design system.

import type { ComponentChildren } from "preact";

function icon(children: ComponentChildren) {
  return function Icon() {
    return (
      <svg class="ui-icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
        {children}
      </svg>
    );
  };
}

export const ArchiveIcon = icon(<path d="M4 8.5h16M5.5 8.5V19a1 1 0 0 0 1 1h11a1 1 0 0 0 1-1V8.5M3.5 4.5h17v4h-17zM10 12.5h4" />);
export const BlocksIcon = icon(<path d="M4 13h7v7H4zM13 13h7v7h-7zM8.5 4h7v7h-7z" />);
export const ChartIcon = icon(<path d="M4 4v16h16M8 15l3.5-4.5 3 2.5L20 6.5" />);
export const ClockIcon = icon(<><circle cx="12" cy="12" r="8.5" /><path d="M12 7.5V12l3 2" /></>);
export const KeyIcon = icon(<><circle cx="8" cy="15.5" r="4" /><path d="m11 12.5 8.5-8.5M16 7.5l2.5 2.5M13.5 10l2 2" /></>);
export const ListIcon = icon(<path d="M4 6h2m3 0h11M4 12h2m3 0h11M4 18h2m3 0h11" />);
export const PauseIcon = icon(<path d="M8.5 5v14M15.5 5v14" />);
export const PlayIcon = icon(<path d="M7.5 5v14l11-7z" />);
export const TableIcon = icon(<path d="M4 5h16v14H4zM4 10h16M4 14.5h16M10 10v9" />);
export const FilterIcon = icon(<path d="M4 6h16M7.5 12h9M10.5 18h3" />);
export const EditIcon = icon(<path d="M4.5 19.5 5.5 15 15.5 5l3.5 3.5-10 10zM13.5 7l3.5 3.5" />);
export const DownloadIcon = icon(<path d="M12 4v11m-5-4.5 5 5 5-5M4.5 16v3a1 1 0 0 0 1 1h13a1 1 0 0 0 1-1v-3" />);

/** The product's mark. */
export function LogoIcon() {
  return (
    <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="9" cy="12" r="6.5" fill="currentColor" opacity="0.55" />
      <circle cx="15" cy="12" r="6.5" fill="currentColor" opacity="0.75" />
    </svg>
  );
}
