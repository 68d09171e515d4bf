import type { AnchorHTMLAttributes, ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Where the pages are. */
export const BASE = "/chat";

/** What is looked at. */
export type Route =
  | { readonly page: "conversations"; readonly conversationId: string | undefined }
  | { readonly page: "files" | "widget" | "voice" | "install" | "settings" }
  | { readonly page: "unknown" };

const PAGES = ["files", "widget", "voice", "install", "settings"] as const;

/** The route of a path. */
export function routeOf(path: string): Route {
  const [first = "", second, ...rest] = path.slice(BASE.length).split("/").filter(Boolean).map(decode);
  const page = PAGES.find((known) => known === first);
  if (page && second === undefined) return { page };
  if (first === "") return { page: "conversations", conversationId: undefined };
  if (first === "conversations" && rest.length === 0) return { page: "conversations", conversationId: second };
  return { page: "unknown" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The path of a conversation. */
export const conversationPath = (id: string) => `${BASE}/conversations/${encodeURIComponent(id)}`;

const MOVED = "fusion-moved";

/** Goes to another path of these pages. */
export function navigate(path: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  dispatchEvent(new Event(MOVED));
}

/** The route of the page's address, as it changes. */
export function useRoute(): Route {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const update = () => setPath(location.pathname);
    addEventListener("popstate", update);
    addEventListener(MOVED, update);
    update();
    return () => {
      removeEventListener("popstate", update);
      removeEventListener(MOVED, update);
    };
  }, []);
  return routeOf(path);
}

/** A link within these pages. */
export function Link({ href, children, ...rest }: Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href" | "role"> & {
  readonly href: string;
  readonly children: ComponentChildren;
}) {
  return (
    <a
      {...rest}
      href={href}
      onClick={(event) => {
        if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        navigate(href);
      }}
    >
      {children}
    </a>
  );
}
