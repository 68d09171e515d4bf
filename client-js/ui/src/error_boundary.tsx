import { Component } from "preact";
import type { ComponentChildren } from "preact";

import { ErrorState } from "./states.tsx";

type Props = {
  readonly children: ComponentChildren;
  /** Shown instead of the usual words. */
  readonly fallback?: (error: unknown, retry: () => void) => ComponentChildren;
};

/** Keeps what goes wrong while its children are drawn to itself, and lets one try again. */
export class ErrorBoundary extends Component<Props, { readonly error: unknown }> {
  override state = { error: undefined };

  static override getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render({ children, fallback }: Props) {
    const { error } = this.state;
    const retry = () => this.setState({ error: undefined });
    if (error === undefined) return children;
    return fallback ? fallback(error, retry) : <ErrorState error={error} onRetry={retry} />;
  }
}
