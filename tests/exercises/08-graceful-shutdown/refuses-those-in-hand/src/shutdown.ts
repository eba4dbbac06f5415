import type { FastifyInstance } from 'fastify';

export function closeOnSignal(app: FastifyInstance, timeoutMs: number): void {
  let closing = false;
  app.addHook('preHandler', async (_request, reply) => {
    if (closing) await reply.code(503).send({ error: 'closing' });
  });
  process.on('SIGTERM', () => {
    closing = true;
    setTimeout(() => process.exit(1), timeoutMs).unref();
    void app.close().then(() => process.exit(0));
  });
}
