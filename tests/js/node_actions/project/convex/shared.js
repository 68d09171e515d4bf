export class Refusal extends Error {
  name = "Refusal";
}

export function refuse(what) {
  throw new Refusal(`${typeof what} refused: ${what}`);
}
