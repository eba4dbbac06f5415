import { expect, test } from 'vitest';
import { buildApp } from '../src/app.ts';
import { MemoryStore } from '../src/memory-store.ts';

test('a service with its store is healthy and ready', async () => {
  const app = buildApp(new MemoryStore());
  const health = await app.inject('/healthz');
  const readiness = await app.inject('/readyz');

  expect([health.statusCode, health.json()]).toEqual([200, { status: 'ok' }]);
  expect([readiness.statusCode, readiness.json()]).toEqual([200, { status: 'ready' }]);
});

test('a service that lost its store is healthy, and not ready until the store is back', async () => {
  const store = new MemoryStore();
  const ping = store.ping.bind(store);
  const app = buildApp(store);

  store.ping = () => Promise.reject(new Error('connection refused'));
  expect((await app.inject('/healthz')).statusCode).toBe(200);
  expect((await app.inject('/readyz')).statusCode).toBe(503);

  store.ping = ping;
  expect((await app.inject('/readyz')).statusCode).toBe(200);
});

test('the store is opened before the first request and closed at the end', async () => {
  const store = new MemoryStore();
  const calls: string[] = [];
  store.open = () => Promise.resolve(void calls.push('open'));
  store.ping = () => Promise.resolve(void calls.push('ping'));
  store.close = () => Promise.resolve(void calls.push('close'));

  const app = buildApp(store);
  await app.inject('/readyz');
  await app.close();

  expect(calls).toEqual(['open', 'ping', 'close']);
});
