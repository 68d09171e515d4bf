// The clock of a server that was started with `--test-clock`.

/** Sets it forward, which makes due what is scheduled until then; resolves with the server's time, in milliseconds. */
export async function advanceClock(server, milliseconds) {
  const response = await fetch(`${server.url}/api/test_clock`, {
    method: "POST",
    headers: { Authorization: `Convex ${server.adminKey}` },
    body: JSON.stringify({ advanceMs: milliseconds }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`the clock was not set: ${answer.code}: ${answer.message}`);
  return answer.nowMs;
}
