import type { FastifyInstance } from 'fastify';

/** Called once, at the start. `timeoutMs` is SHUTDOWN_TIMEOUT_MS. */
export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  let closing = false;

  const close = async (signal: NodeJS.Signals): Promise<void> => {
    if (closing) return; // the same signal often comes twice
    closing = true;
    app.log.info({ signal, timeoutMs }, 'shutting down');

    // The limit of our own, shorter than the grace period: who is killed cannot say why.
    setTimeout(() => {
      app.log.error('requests were still running when the time was up');
      process.exit(1);
    }, timeoutMs).unref();

    try {
      await app.close(); // stops accepting, waits for requests in flight, then closes the store
      process.exit(0);
    } catch (err) {
      app.log.error({ err }, 'the shutdown failed');
      process.exit(1);
    }
  };

  // As process 1 of a container it has no default handlers: what is not named here is ignored.
  process.on('SIGTERM', (signal) => void close(signal));
  process.on('SIGINT', (signal) => void close(signal));
}
