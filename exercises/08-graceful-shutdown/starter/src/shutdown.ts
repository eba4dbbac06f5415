import type { FastifyInstance } from 'fastify';

/** Called once, at the start. `timeoutMs` is SHUTDOWN_TIMEOUT_MS. */
export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  process.on('SIGTERM', (signal) => {
    app.log.info({ signal, timeoutMs }, 'stopping');
    process.exit(0);
  });
}
