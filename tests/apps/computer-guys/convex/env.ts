// What is configured. Secrets stay here: callers learn only whether they are set.

import { action } from "./_generated/server";

const SECRETS = ["OPENROUTER_API_KEY", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "JWT_SECRET"] as const;
const MASK = "********";

type Secrets<Value> = Record<(typeof SECRETS)[number], Value>;

function eachSecret<Value>(value: (set: boolean) => Value): Secrets<Value> {
  return Object.fromEntries(SECRETS.map((name) => [name, value(Boolean(process.env[name]))])) as Secrets<Value>;
}

const environment = (): string => process.env.NODE_ENV ?? "production";

export const getConfig = action({
  args: {},
  handler: () => Promise.resolve({ ...eachSecret((set) => (set ? MASK : null)), environment: environment() }),
});

export const healthCheck = action({
  args: {},
  handler: () => Promise.resolve({ status: "healthy", timestamp: Date.now(), environment: environment() }),
});

export const getApiKeys = action({ args: {}, handler: () => Promise.resolve(eachSecret((set) => set)) });

export const validateEnvironment = action({
  args: {},
  handler: () => {
    const present = SECRETS.filter((name) => process.env[name]);
    const missing = SECRETS.filter((name) => !process.env[name]);
    return Promise.resolve({ valid: missing.length === 0, missing, present, environment: environment() });
  },
});
