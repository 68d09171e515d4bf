// The functions by which the host drives an isolate.

const { stringify } = JSON;

/** The JSON text of a module's default export, awaited; `undefined` becomes "undefined". */
internals.evaluate = async (path) => {
  const module = await internals.importModule(path);
  return stringify(await module.default) ?? "undefined";
};
