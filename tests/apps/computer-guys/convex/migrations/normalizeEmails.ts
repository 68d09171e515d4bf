import { normalizedEmail } from "../model/users";
import { migration } from "./batches";

/** Users made before addresses were compared in lower case. */
export const run = migration({
  path: "migrations/normalizeEmails:run",
  table: "users",
  migrate: (_ctx, { email }) => (email === normalizedEmail(email) ? undefined : { email: normalizedEmail(email) }),
});
