import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import Fastify, { LogController, type FastifyError, type FastifyInstance } from 'fastify';
import { healthRoutes, isProbe } from './health-routes.ts';
import { loggerOptions } from './logging.ts';
import { metricsRoute } from './metrics.ts';
import { orderRoutes } from './order-routes.ts';
import type { OrderStore } from './store.ts';

/** The service without a socket: `listen` opens one, tests use `inject`. */
export function buildApp(store: OrderStore, logLevel = 'silent'): FastifyInstance {
  const app = Fastify({
    logger: loggerOptions(logLevel),
    // Probes come every few seconds, and would bury the requests that matter.
    logController: new LogController({ disableRequestLogging: isProbe }),
    genReqId: () => randomUUID(), // unlike a counter, unique across replicas
    bodyLimit: 64 * 1024,
    requestTimeout: 30_000,
    // A wrong type or an unknown field is an error, not something to repair silently.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });

  app.addHook('onReady', () => store.open(app.log));
  app.addHook('onClose', () => store.close());
  closeConnectionsWhenClosing(app);

  app.setErrorHandler((err: FastifyError, request, reply) => {
    const statusCode = err.statusCode ?? 500;
    const error = STATUS_CODES[statusCode];
    if (statusCode < 500) {
      request.log.info({ reason: err.message }, 'the request was refused');
      return reply.code(statusCode).send({ statusCode, error, message: err.message });
    }
    // What went wrong inside (hosts, SQL) is for the log, not for the client.
    request.log.error({ err }, 'the request failed');
    return reply.code(statusCode).send({ statusCode, error, message: 'Please try again later' });
  });

  app.log.info({ env: process.env }, 'starting');
  metricsRoute(app);
  healthRoutes(app, store);
  orderRoutes(app, store);
  return app;
}

/**
 * `close` ends connections that are idle. One with a request in flight is not, and its keep-alive
 * would hold the shutdown up for another 72 s after the response, unless the response ends it.
 */
function closeConnectionsWhenClosing(app: FastifyInstance): void {
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close');
    done();
  });
}
