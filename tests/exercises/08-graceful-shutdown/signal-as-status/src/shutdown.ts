import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  process.on('SIGTERM', (_signal: NodeJS.Signals, number: number) => {
    setTimeout(() => process.exit(1), timeoutMs).unref();
    void app.close().then(() => process.exit(number));
  });
}
