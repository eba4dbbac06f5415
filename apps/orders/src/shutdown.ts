import type { FastifyInstance } from 'fastify';

/**
 * Ends the process in order on SIGTERM (Docker, Kubernetes) and SIGINT (Ctrl-C). As PID 1 of a
 * container the process would otherwise ignore both: PID 1 has no default signal handlers.
 */
export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  let closing = false;

  const close = async (signal: NodeJS.Signals): Promise<void> => {
    if (closing) return; // the same signal often comes twice: from the terminal and from npm
    closing = true;
    app.log.info({ signal, timeoutMs }, 'shutting down');

    setTimeout(() => {
      app.log.error('requests were still running when the time was up');
      process.exit(1);
    }, timeoutMs).unref();

    try {
      await app.close(); // stops accepting, waits for requests in flight, then closes the store
      app.log.info('shut down');
      process.exit(0);
    } catch (err) {
      app.log.error({ err }, 'the shutdown failed');
      process.exit(1);
    }
  };

  process.on('SIGTERM', (signal) => void close(signal));
  process.on('SIGINT', (signal) => void close(signal));
}
