import type { FastifyInstance } from 'fastify';
import { newOrderSchema, orderSchema, placeOrder, type NewOrder } from './order.ts';
import type { OrderStore } from './store.ts';

const LIST_LIMIT = 100;

const idSchema = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'string', format: 'uuid' } },
} as const;

export function orderRoutes(app: FastifyInstance, store: OrderStore): void {
  app.post<{ Body: NewOrder }>(
    '/orders',
    { schema: { body: newOrderSchema, response: { 201: orderSchema } } },
    async (request, reply) => {
      const order = placeOrder(request.body);
      await store.add(order);
      return reply.code(201).header('location', `/orders/${order.id}`).send(order);
    },
  );

  app.get<{ Params: { id: string } }>(
    '/orders/:id',
    { schema: { params: idSchema, response: { 200: orderSchema } } },
    async (request, reply) => {
      const order = await store.find(request.params.id);
      if (order) return order;
      return reply
        .code(404)
        .send({ statusCode: 404, error: 'Not Found', message: 'There is no order with this id' });
    },
  );

  app.get('/orders', { schema: { response: { 200: { type: 'array', items: orderSchema } } } }, () =>
    store.list(LIST_LIMIT),
  );
}
