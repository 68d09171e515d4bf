const HOUR = 3_600_000;

/** How long a visitor's session lasts. */
export const SESSION_DURATION_MS = 24 * HOUR;
/** A session that is used lasts longer once it has less than this left. */
export const REFRESH_THRESHOLD_MS = 4 * HOUR;
