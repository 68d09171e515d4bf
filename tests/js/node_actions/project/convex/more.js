"use node";

import { actionGeneric as action } from "convex/server";
import { refuse } from "./shared.js";

export const refuses = action({ args: {}, handler: async () => refuse("more") });
