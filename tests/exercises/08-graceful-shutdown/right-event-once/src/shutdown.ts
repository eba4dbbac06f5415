import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  const told = [once(process, 'SIGTERM'), once(process, 'SIGINT')];
  const late = (): Promise<number> =>
    new Promise((done) => {
      setTimeout(done, timeoutMs, 1);
    });
  void Promise.race(told)
    .then(() => Promise.race([app.close().then(() => 0), late()]))
    .catch(() => 1)
    .then((status) => process.exit(status));
}
