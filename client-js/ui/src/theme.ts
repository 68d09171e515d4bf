/** "system" follows what the system says. */
export type Theme = "system" | "light" | "dark";

const KEY = "fusion-theme";

/** The theme chosen on this browser. */
export function theme(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    // Pages in frames of others may be denied their storage.
    return "system";
  }
}

/** Chooses a theme for all pages of this server. */
export function setTheme(chosen: Theme): void {
  try {
    if (chosen === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, chosen);
  } catch {
    // It counts until the page is left.
  }
  show(chosen);
}

/** Shows the page in the chosen theme; to be called before anything is drawn. */
export function applyTheme(): void {
  show(theme());
}

function show(chosen: Theme): void {
  if (chosen === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", chosen);
}
