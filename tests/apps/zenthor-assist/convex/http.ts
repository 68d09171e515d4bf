import { httpRouter } from "convex/server";
import { clerkWebhook } from "./clerk/webhook";

const http = httpRouter();

http.route({ path: "/clerk/webhook", method: "POST", handler: clerkWebhook });

export default http;
