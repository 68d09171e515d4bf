export const checks = {
  "URL: relative resolution": () => new URL("../b?x=1#y", "http://h/a/c/d").href,
  "console prints": () => { console.log("a", { b: [1, 2] }); console.warn(new Map([["k", new Set([1])]])); },
};
