// Asks what a client would ask; the exit code is the answer: 0 healthy, 1 unhealthy.
// 127.0.0.1 and not localhost: no name has to be looked up, and ::1 is not tried.
const url = `http://127.0.0.1:${process.env.PORT || 3000}/healthz`;
try {
  // A little less than the HEALTHCHECK's own timeout: so the reason is still printed.
  const answer = await fetch(url, { signal: AbortSignal.timeout(1500) });
  console.log(`${url}: ${answer.status}`);
  process.exit(answer.ok ? 0 : 1);
} catch (error) {
  console.log(`${url}: ${error.cause?.code ?? error.name}`);
  process.exit(1);
}
