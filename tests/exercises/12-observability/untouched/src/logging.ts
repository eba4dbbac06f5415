import { appendFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';

const FILE = process.env.LOG_FILE ?? 'logs/orders.log';

export function log(message: string): void {
  appendFileSync(FILE, `${new Date().toLocaleString()} ${message}\n`);
}

/** Writes down every request, with all that may help to find a fault one day. */
export function logRequests(app: FastifyInstance): void {
  log(`starting with ${JSON.stringify(process.env)}`);
  app.addHook('onResponse', (request, reply, done) => {
    const sent = JSON.stringify({ headers: request.headers, body: request.body });
    log(`${request.method} ${request.url} ${String(reply.statusCode)} ${sent}`);
    done();
  });
}
