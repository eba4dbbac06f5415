import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  process.on('SIGTERM', (signal) => {
    app.log.info({ signal, timeoutMs }, 'stopping');
    void app.close().then(() => process.exit(0));
  });
}
