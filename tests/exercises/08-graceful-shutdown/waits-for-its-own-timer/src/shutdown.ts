import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  process.on('SIGTERM', () => {
    setInterval(() => {
      app.log.info({ timeoutMs }, 'still draining');
    }, 500);
    void app.close();
  });
}
