import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  process.on('SIGINT', () => {
    app.log.info({ timeoutMs }, 'stopping');
    void app.close().then(() => process.exit(0));
  });
}
