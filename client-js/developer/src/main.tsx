// The developers' dashboard.

import "fusion-ui/ui.css";
import "./styles/frame.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { render } from "preact";
import { applyTheme } from "fusion-ui";
import { App } from "./app.tsx";
import { takeKeyFromAddress } from "./session.ts";

takeKeyFromAddress();
applyTheme();
const root = document.getElementById("root");
if (root) render(<App />, root);
