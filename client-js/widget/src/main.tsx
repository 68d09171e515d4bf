// The visitor's chat, in a frame of an organisation's page: /widget?organizationId=org_1

import "fusion-ui/tokens.css";
import "fusion-ui/base.css";
import "fusion-ui/controls.css";
import "fusion-ui/display.css";
import "./widget.css";

import { FusionClient } from "fusion-client";
import { FusionProvider } from "fusion-client/preact";
import { render } from "preact";

import { App } from "./app.tsx";
import { watchFrame } from "./frame.ts";
import { Memory } from "./storage.ts";

const parameters = new URLSearchParams(location.search);
const organizationId = parameters.get("organizationId") ?? parameters.get("organizationid") ?? "";
const client = new FusionClient(location.origin);

watchFrame();
render(
  <FusionProvider client={client}>
    <App organizationId={organizationId} memory={new Memory(organizationId)} />
  </FusionProvider>,
  document.getElementById("root")!,
);
