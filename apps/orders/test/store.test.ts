import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemoryStore } from '../src/memory-store.ts';
import { placeOrder, type Order } from '../src/order.ts';
import { PostgresStore } from '../src/postgres-store.ts';
import type { OrderStore } from '../src/store.ts';

const databaseUrl = process.env.TEST_DATABASE_URL;

describe('the memory store', () => {
  keepsItsPromises(new MemoryStore());
});

describe.runIf(databaseUrl)('the PostgreSQL store', () => {
  keepsItsPromises(new PostgresStore(databaseUrl ?? '', 2));

  test('can be opened by many replicas at once', async () => {
    const replicas = Array.from({ length: 8 }, () => new PostgresStore(databaseUrl ?? '', 1));
    await Promise.all(replicas.map((replica) => replica.open(Fastify().log)));
    await Promise.all(replicas.map((replica) => replica.close()));
  });
});

function keepsItsPromises(store: OrderStore): void {
  // In the far future, and later in every run: newer than what is in the database already.
  const future = Date.now() + 1e13;
  const first = order('first', new Date(future).toISOString());
  const second = order("Robert'); DROP TABLE orders;--", new Date(future + 1).toISOString());

  beforeAll(() => store.open(Fastify().log));
  afterAll(() => store.close());

  test('answers a ping', async () => {
    await expect(store.ping()).resolves.toBeUndefined();
  });

  test('finds what was added, and nothing else', async () => {
    await store.add(first);
    await store.add(second);

    expect(await store.find(first.id)).toEqual(first);
    expect(await store.find(second.id)).toEqual(second);
    expect(await store.find('00000000-0000-4000-8000-000000000000')).toBeUndefined();
  });

  test('lists the newest first, up to the limit', async () => {
    expect(await store.list(2)).toEqual([second, first]);
    expect(await store.list(1)).toEqual([second]);
  });
}

function order(customer: string, createdAt: string): Order {
  const item = { sku: 'TEA-1', quantity: 10_000, priceCents: 100_000_000 };
  const items = Array.from({ length: 100 }, () => item);
  return { ...placeOrder({ customer, items }), createdAt };
}

test('a PostgreSQL store without its database fails instead of waiting', async () => {
  // Nothing listens on port 1.
  const store = new PostgresStore('postgres://orders:hunter2@127.0.0.1:1/orders', 1);
  await expect(store.ping()).rejects.toThrow('ECONNREFUSED');
  await store.close();
});
