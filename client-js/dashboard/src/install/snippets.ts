/** How the widget gets onto a page. */
export type Snippet = { readonly id: "html" | "react" | "next" | "javascript"; readonly label: string; readonly where: string; readonly code: string };

/** The snippets for an organisation on a server. Ids and addresses are quoted as each language wants it. */
export function snippetsOf(origin: string, organizationId: string): readonly Snippet[] {
  const address = `${origin}/embed.js`;
  const attribute = organizationId.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  const quoted = JSON.stringify(organizationId).replaceAll("<", "\\u003c");
  return [
    {
      id: "html",
      label: "HTML",
      where: "Before </body>, on every page that should have the chat.",
      code: `<script src="${address}" data-organization-id="${attribute}" async></script>`,
    },
    {
      id: "react",
      label: "React",
      where: "A component to be rendered once, in App for example.",
      code: `import { useEffect } from "react";

export function ChatWidget() {
  useEffect(() => {
    if (window.FusionchatWidget) {
      window.FusionchatWidget.init({ organizationId: ${quoted} });
    } else {
      const script = document.createElement("script");
      script.src = "${address}";
      script.dataset.organizationId = ${quoted};
      document.head.append(script);
    }
    return () => window.FusionchatWidget?.destroy();
  }, []);
  return null;
}`,
    },
    {
      id: "next",
      label: "Next.js",
      where: "In app/layout.tsx, inside <body>.",
      code: `import Script from "next/script";

<Script
  src="${address}"
  data-organization-id=${`{${quoted}}`}
  strategy="afterInteractive"
/>`,
    },
    {
      id: "javascript",
      label: "JavaScript",
      where: "When your own code decides whether there is a chat, and when it opens.",
      code: `const script = document.createElement("script");
script.src = "${address}";
script.dataset.organizationId = ${quoted};
script.dataset.position = "bottom-right";
script.onload = () => window.FusionchatWidget.show();
document.head.append(script);

// Later: window.FusionchatWidget.hide(), .show(), .destroy(), .init()`,
    },
  ];
}
