// Seeded randomness; the seed is printed, and FUSION_SEED repeats a run.

/** A generator whose seed the test log shows. */
export function seeded(t) {
  const seed = Number(process.env.FUSION_SEED ?? Math.floor(Math.random() * 2 ** 32));
  t.diagnostic(`seed ${seed} (repeat with FUSION_SEED=${seed})`);
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  return { unit, below: (bound) => Math.floor(unit() * bound) };
}
