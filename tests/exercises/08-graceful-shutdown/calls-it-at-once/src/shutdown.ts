import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  const stop = (): (() => void) => {
    setTimeout(() => process.exit(1), timeoutMs).unref();
    void app.close();
    return () => process.exit(0);
  };
  process.on('SIGTERM', stop());
}
