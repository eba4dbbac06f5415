import type { FastifyInstance } from 'fastify';
import { isProbe } from './health-routes.ts';

export function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    if (isProbe(request)) return done();
    const { method, id } = request;
    const entry = { id, method, route: request.routeOptions.url, status: reply.statusCode };
    const level = reply.statusCode < 500 ? 'info' : 'error';
    console.log(JSON.stringify({ level, time: new Date().toISOString(), ...entry }));
    done();
  });
}
