import type { WidgetSettings } from "../functions.ts";

/** The settings as the form has them: nothing is missing, and nothing is an empty text. */
export type WidgetForm = {
  readonly greeting: string;
  readonly suggestions: readonly [string, string, string];
  readonly assistantId: string;
  readonly phoneNumber: string;
};

const GREETING = "Hi! How can we help you?";

/** The form for settings; for an organisation without any, a beginning. */
export function formOf(settings: WidgetSettings | null): WidgetForm {
  const { suggestion1 = "", suggestion2 = "", suggestion3 = "" } = settings?.defaultSuggestions ?? {};
  const { assistantId = "", phoneNumber = "" } = settings?.vapiSettings ?? {};
  return { greeting: settings?.greetMessage ?? GREETING, suggestions: [suggestion1, suggestion2, suggestion3], assistantId, phoneNumber };
}

/** The settings in a form. What is empty is left out: so it is forgotten. */
export function settingsOf({ greeting, suggestions, assistantId, phoneNumber }: WidgetForm) {
  const [suggestion1, suggestion2, suggestion3] = suggestions.map((text) => text.trim());
  return {
    greetMessage: greeting.trim(),
    defaultSuggestions: { ...(suggestion1 && { suggestion1 }), ...(suggestion2 && { suggestion2 }), ...(suggestion3 && { suggestion3 }) },
    vapiSettings: { ...(assistantId && { assistantId }), ...(phoneNumber && { phoneNumber }) },
  };
}
