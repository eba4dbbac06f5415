import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OrderStore } from './store.ts';

/** What machines ask all the time. */
const PROBES = new Set(['/healthz', '/readyz', '/metrics']);

export function isProbe(request: FastifyRequest): boolean {
  return PROBES.has(request.url);
}

export function healthRoutes(app: FastifyInstance, store: OrderStore): void {
  // "Does this process serve?" It must not ask the database: restarting the service would not
  // bring a database back.
  app.get('/healthz', () => ({ status: 'ok' }));

  // "Should traffic come here?"
  app.get('/readyz', async (request, reply) => {
    try {
      await store.ping();
      return { status: 'ready' };
    } catch (err) {
      request.log.warn({ err }, 'the order store cannot be reached');
      return reply.code(503).send({ status: 'unavailable' });
    }
  });
}
