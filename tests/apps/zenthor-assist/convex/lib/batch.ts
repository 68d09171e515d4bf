/** How many documents a clean-up takes at once; if there are more it goes on in a transaction of its own. */
export const BATCH = 500;

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
