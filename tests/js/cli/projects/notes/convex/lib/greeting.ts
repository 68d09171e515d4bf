/** Shared by modules; no function of its own. */
export const greet = (name: string) => `Hello, ${name}!`;
