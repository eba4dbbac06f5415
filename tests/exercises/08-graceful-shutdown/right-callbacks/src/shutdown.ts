import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  const stop = (signal: NodeJS.Signals): void => {
    app.log.info({ signal }, 'draining');
    process.exitCode = 1; // until everything is closed
    const limit = setTimeout(() => process.exit(), timeoutMs);
    app.close(() => {
      process.exitCode = 0;
      clearTimeout(limit); // nothing is left to wait for: Node.js ends by itself
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.once(signal, stop);
}
