import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  process.on('SIGTERM', (signal) => {
    app.log.warn({ signal, timeoutMs }, 'please stop me');
  });
}
