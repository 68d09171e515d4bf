import type { ComponentChildren } from "preact";

const icon = (shape: ComponentChildren) => () => (
  <svg class="ui-icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
    {shape}
  </svg>
);

/** A microphone. */
export const MicrophoneIcon = icon(<><rect x="9" y="3" width="6" height="11" rx="3" /><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" /></>);
