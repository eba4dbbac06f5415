import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  process.on('SIGTERM', () => {
    // Whatever is in flight should be through by then.
    setTimeout(() => void app.close().then(() => process.exit(0)), timeoutMs - 200);
  });
}
