import "fusion-ui/ui.css";
import "./style/shell.css";
import "./style/conversations.css";
import "./style/pages.css";

import { FusionClient } from "fusion-client";
import { FusionProvider } from "fusion-client/preact";
import { applyTheme, Toasts } from "fusion-ui";
import { render } from "preact";

import { App } from "./app.tsx";

applyTheme();
const client = new FusionClient(location.origin);
const root = document.getElementById("root");
if (root) {
  render(
    <FusionProvider client={client}>
      <App client={client} />
      <Toasts />
    </FusionProvider>,
    root,
  );
}
