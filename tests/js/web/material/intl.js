// Helpers for the checks of `Intl`.

/** What `run` gives, or the class and text of what it throws. */
export const outcome = (run) => {
  try {
    return run();
  } catch (error) {
    return [error.name, error.message];
  }
};
