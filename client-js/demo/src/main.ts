// A page like those the widget is put on. It belongs to the demo organisation of `fusion dev`, or to
// /demo?organizationId=org_1.

import "fusion-ui/tokens.css";
import "fusion-ui/base.css";
import "fusion-ui/controls.css";
import "./demo.css";

const organizationId = new URLSearchParams(location.search).get("organizationId") ?? "org_demo";
const source = new URL("/embed.js", location.href).href;

function element<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

/** The line that other pages need. */
function snippet(position: string): string {
  const attribute = (text: string) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const placed = position === "bottom-right" ? "" : ` data-position="${position}"`;
  return `<script src="${source}" data-organization-id="${attribute(organizationId)}"${placed} async></script>`;
}

function show(position: string): void {
  element("snippet").textContent = snippet(position);
}

for (const input of document.querySelectorAll<HTMLInputElement>("input[name=position]")) {
  input.addEventListener("change", () => {
    show(input.value);
    window.FusionchatWidget?.init({ position: input.value as "bottom-left" | "bottom-right" });
  });
}
element("copy").addEventListener("click", () => {
  navigator.clipboard.writeText(element("snippet").textContent ?? "").then(
    () => (element("copied").textContent = "Copied"),
    () => (element("copied").textContent = "The browser does not let this page use the clipboard."),
  );
});
element("download").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([element("sample").textContent ?? ""], { type: "text/plain" }));
  link.download = "hours.txt";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
});

show("bottom-right");
const script = document.createElement("script");
script.src = source;
script.dataset["organizationId"] = organizationId;
document.head.append(script);
