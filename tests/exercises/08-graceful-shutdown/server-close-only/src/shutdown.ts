import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  process.on('SIGTERM', () => {
    app.log.info({ timeoutMs }, 'stopping');
    app.server.close(() => process.exit(0));
  });
}
