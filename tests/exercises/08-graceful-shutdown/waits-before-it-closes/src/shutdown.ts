import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  process.on('SIGTERM', () => {
    setTimeout(() => process.exit(1), timeoutMs).unref();
    // The load balancer needs a moment.
    setTimeout(() => void app.close().then(() => process.exit(0)), 1500);
  });
}
