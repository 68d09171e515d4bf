// References to the fixture application's functions.

import { anyApi } from "convex/server";

export const api = anyApi;
