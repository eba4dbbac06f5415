import { setTimeout } from 'node:timers/promises';

for (let round = 0; round < 3; round += 1) {
  const answer = await fetch('http://127.0.0.1:3000/healthz').catch(() => undefined);
  if (!answer?.ok) process.exit(1);
  await setTimeout(600);
}
process.exit(0);
