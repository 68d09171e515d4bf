// The stock HTTP connector: `callers` loops of POST /api/mutation?format=json; prints successes per second.
// usage: node fetch_client.mjs URL ACCOUNTS CALLERS SECONDS SEED

const [url, ...numbers] = process.argv.slice(2);
const [accounts, callers, seconds, seed] = numbers.map(Number);

let state = seed >>> 0;
/** The next number in 0..bound (mulberry32). */
function below(bound) {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * bound);
}

const pairs = Array.from({ length: 50_000 }, () => {
  const from = below(accounts);
  let to = below(accounts);
  while (to === from) to = below(accounts);
  return { amount: 1, from_id: from, to_id: to };
});

const start = performance.now();
const from = start + (seconds * 1000) / 4;
const until = start + seconds * 1000;
let counted = 0;

async function caller(offset) {
  for (let i = offset; performance.now() < until; i++) {
    const response = await fetch(`${url}/api/mutation?format=json`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ path: "transfer:transfer", args: pairs[i % pairs.length] }),
    });
    const answer = await response.json();
    if (!response.ok || answer.status !== "success") throw new Error(JSON.stringify(answer));
    const now = performance.now();
    if (now >= from && now < until) counted += 1;
  }
}

await Promise.all(
  Array.from({ length: callers }, (_, i) => caller(Math.floor((i * pairs.length) / callers))),
);
console.log(counted / ((until - from) / 1000));
