import { fastify, type FastifyInstance } from 'fastify';
import { cheapest, type Tariff, type Tariffs } from './tariffs.ts';

interface Weight {
  grams: number;
}

const weight = {
  querystring: {
    type: 'object',
    required: ['grams'],
    properties: { grams: { type: 'integer', minimum: 1 } },
  },
};

export function buildApp(tariffs: Tariffs, logger = true): FastifyInstance {
  const app = fastify({ logger });
  app.get('/healthz', () => ({ status: 'ok', build: process.env.BUILD_NUMBER || 'unknown' }));
  app.get('/tariffs', () => tariffs.own);
  app.get('/carrier/tariffs', (_request, reply) => tariffs.carrier ?? reply.code(503).send(LOCKED));
  app.get<{ Querystring: Weight }>('/quote', { schema: weight }, (request, reply) => {
    const offers: Tariff[] = [...tariffs.own, ...(tariffs.carrier ?? [])];
    return cheapest(offers, request.query.grams) ?? reply.code(404).send(TOO_HEAVY);
  });
  return app;
}

const LOCKED = { error: "the carrier's tariffs were not unpacked" };
const TOO_HEAVY = { error: 'nobody carries that much' };
