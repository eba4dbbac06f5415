import type { FastifyInstance } from 'fastify';
import { isProbe } from './health-routes.ts';

export function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    if (!isProbe(request)) console.log(`${request.method} ${request.url} ${String(reply.statusCode)}`);
    done();
  });
}
