import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  process.on('SIGTERM', () => {
    setTimeout(() => process.exit(1), timeoutMs).unref();
    app.server.close(() => process.exit(0));
    setInterval(() => {
      app.server.closeIdleConnections();
    }, 50);
  });
}
