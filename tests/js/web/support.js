// What checks have in Node and in Fusion alike.

export const makeSupport = (server, other) => {
  const t = {
    server,
    other,
    /** What a function gives, or the class and name of what it throws. */
    outcome(f) {
      try {
        return { value: f() };
      } catch (error) {
        return t.thrown(error);
      }
    },
    async later(f) {
      try {
        return { value: await f() };
      } catch (error) {
        return t.thrown(error);
      }
    },
    thrown(error) {
      if (!(error instanceof Error)) return { thrown: String(error) };
      return { thrown: error instanceof DOMException ? `DOMException ${error.name}` : error.name };
    },
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    bytes: (data) => [...new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength)],
  };
  return t;
};

export const outcomeOf = async (check, t) => {
  try {
    return { value: (await check(t)) ?? null };
  } catch (error) {
    return { threw: `${error?.name}: ${error?.message}` };
  }
};
