// `WebAssembly`, which this runtime does not have: every use says so.

const { Error } = internals.primordials;

const missing = (name) => {
  const member = {
    [name]() {
      throw new Error(
        `WebAssembly.${name} is not available: this runtime has no WebAssembly. Use a package that runs in plain JavaScript.`,
      );
    },
  }[name];
  // Methods cannot be constructed; a function that throws can.
  return function () {
    return member();
  };
};

const names = [
  "compile", "compileStreaming", "instantiate", "instantiateStreaming", "validate",
  "Module", "Instance", "Memory", "Table", "Global", "Tag", "Exception",
];
const WebAssembly = {};
for (const name of names) {
  internals.primordials.defineProperty(WebAssembly, name, {
    __proto__: null, value: missing(name), writable: true, configurable: true, enumerable: false,
  });
}
internals.webassembly = { WebAssembly };
internals.expose(internals.webassembly);
