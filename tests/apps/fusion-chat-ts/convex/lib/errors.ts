// Errors as the application's clients know them: data with a code and a message.

import { ConvexError } from "convex/values";

type Data = { code: string; message: string };
type Coded = ConvexError<Data>;

const coded = (code: string, message: string): Coded => new ConvexError({ code, message });

export const unauthorized = (message: string): Coded => coded("UNAUTHORIZED", message);
export const notFound = (message: string): Coded => coded("NOT_FOUND", message);
export const badRequest = (message: string): Coded => coded("BAD_REQUEST", message);
export const rateLimited = (seconds: number): Coded =>
  coded("RATE_LIMIT_EXCEEDED", `Rate limit exceeded. Try again in ${seconds} seconds.`);
export const subscriptionRequired = (): Coded => coded("SUBSCRIPTION_REQUIRED", "No subscription found for this organization");
export const subscriptionInactive = (status: string): Coded => coded("SUBSCRIPTION_INACTIVE", `Subscription is ${status}`);

/** For arguments of which either some or others have to be given, which no validator can say. */
export const wrongArguments = (message: string): Error => new Error(`ArgumentValidationError: ${message}`);
