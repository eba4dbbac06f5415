import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  process.on('SIGTERM', () => {
    setTimeout(() => process.exit(0), timeoutMs).unref();
    void app.close().finally(() => process.exit(0));
  });
}
