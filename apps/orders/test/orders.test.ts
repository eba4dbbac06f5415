import { beforeEach, describe, expect, test } from 'vitest';
import { buildApp } from '../src/app.ts';
import { MemoryStore } from '../src/memory-store.ts';
import type { Order } from '../src/order.ts';

const newOrder = {
  customer: 'Ada Lovelace',
  items: [
    { sku: 'TEA-1', quantity: 2, priceCents: 450 },
    { sku: 'CUP', quantity: 1, priceCents: 1_200 },
  ],
};
const [item] = newOrder.items;

let app: ReturnType<typeof buildApp>;

beforeEach(() => {
  app = buildApp(new MemoryStore());
  return () => app.close();
});

const post = (payload: object) => app.inject({ method: 'POST', url: '/orders', payload });

describe('POST /orders', () => {
  test('answers 201 with the order, its total and its address', async () => {
    const response = await post(newOrder);
    const order = response.json<Order>();

    expect(response.statusCode).toBe(201);
    expect(order).toMatchObject({ ...newOrder, totalCents: 2_100 });
    expect(new Date(order.createdAt).toISOString()).toBe(order.createdAt);
    expect(response.headers.location).toBe(`/orders/${order.id}`);
  });

  test.each([
    ['no customer', { items: newOrder.items }],
    ['an empty customer', { ...newOrder, customer: '' }],
    ['a NUL in the customer', { ...newOrder, customer: 'Ada\0' }],
    ['a long customer', { ...newOrder, customer: 'a'.repeat(201) }],
    ['no items', { ...newOrder, items: [] }],
    ['too many items', { ...newOrder, items: Array(101).fill(item) }],
    ['a sku with a space', { ...newOrder, items: [{ ...item, sku: 'TEA 1' }] }],
    ['a quantity of zero', { ...newOrder, items: [{ ...item, quantity: 0 }] }],
    ['a quantity in quotes', { ...newOrder, items: [{ ...item, quantity: '2' }] }],
    ['a negative price', { ...newOrder, items: [{ ...item, priceCents: -1 }] }],
    ['a price with a fraction', { ...newOrder, items: [{ ...item, priceCents: 0.5 }] }],
    ['an unknown field', { ...newOrder, discount: 100 }],
  ])('refuses %s with 400 and keeps nothing', async (_what, payload) => {
    const response = await post(payload);

    expect(response.statusCode).toBe(400);
    expect((await app.inject('/orders')).json()).toEqual([]);
  });

  test('refuses what is not JSON', async () => {
    const headers = { 'content-type': 'application/json' };
    const broken = await app.inject({ method: 'POST', url: '/orders', headers, body: '{' });
    const form = await app.inject({
      method: 'POST',
      url: '/orders',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'customer=Ada',
    });

    expect(broken.statusCode).toBe(400);
    expect(form.statusCode).toBe(415);
  });

  test('refuses a body over 64 KiB with 413', async () => {
    const response = await post({ ...newOrder, customer: 'a'.repeat(64 * 1024) });
    expect(response.statusCode).toBe(413);
  });
});

describe('GET /orders/:id', () => {
  test('answers the order that was placed', async () => {
    const placed = (await post(newOrder)).json<Order>();
    const response = await app.inject(`/orders/${placed.id}`);

    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual(placed);
  });

  test('answers 404 for an unknown id and 400 for what is no id', async () => {
    const unknown = await app.inject('/orders/00000000-0000-4000-8000-000000000000');
    const invalid = await app.inject('/orders/1');

    expect(unknown.statusCode).toBe(404);
    expect(invalid.statusCode).toBe(400);
  });
});

test('GET /orders lists the newest order first, and at most 100', async () => {
  for (let n = 1; n <= 101; n++) await post({ ...newOrder, customer: `customer ${String(n)}` });
  const orders = (await app.inject('/orders')).json<Order[]>();

  expect(orders).toHaveLength(100);
  expect(orders[0]?.customer).toBe('customer 101');
});

test('an unknown route answers 404', async () => {
  expect((await app.inject('/admin')).statusCode).toBe(404);
});

test('a failure inside answers 500 and tells the client nothing about it', async () => {
  const store = new MemoryStore();
  store.list = () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7:5432'));
  const response = await buildApp(store).inject('/orders');

  expect(response.statusCode).toBe(500);
  expect(response.body).not.toContain('10.0.0.7');
});
