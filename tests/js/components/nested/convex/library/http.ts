import { httpRouter } from "convex/server";
import { httpAction } from "./_generated/server";

const http = httpRouter();
http.route({ path: "/hours", method: "GET", handler: httpAction(async () => new Response("nine to five")) });
export default http;
