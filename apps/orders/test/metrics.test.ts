import { expect, test } from 'vitest';
import { buildApp } from '../src/app.ts';
import { MemoryStore } from '../src/memory-store.ts';

const newOrder = { customer: 'Ada', items: [{ sku: 'TEA-1', quantity: 1, priceCents: 450 }] };

test('requests are counted by method, route and status, and no path of a client is a label', async () => {
  const app = buildApp(new MemoryStore());
  await app.inject({ method: 'POST', url: '/orders', payload: newOrder });
  await app.inject({ method: 'POST', url: '/orders', payload: newOrder });
  await app.inject({ method: 'POST', url: '/orders', payload: {} });
  await app.inject('/orders/00000000-0000-4000-8000-000000000000');
  await app.inject('/wp-login.php');
  const response = await app.inject('/metrics');

  expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(response.body.split('\n')).toEqual(
    expect.arrayContaining([
      '# TYPE http_requests_total counter',
      'http_requests_total{method="POST",route="/orders",status="201"} 2',
      'http_requests_total{method="POST",route="/orders",status="400"} 1',
      'http_requests_total{method="GET",route="/orders/:id",status="404"} 1',
      'http_requests_total{method="GET",route="none",status="404"} 1',
    ]),
  );
  expect(response.body).not.toContain('wp-login');
});

test('the buckets of the histogram are cumulative, and the last one holds every request', async () => {
  const app = buildApp(new MemoryStore());
  for (let n = 0; n < 3; n++) await app.inject('/healthz');
  const { body } = await app.inject('/metrics');

  const labels = 'method="GET",route="/healthz"';
  const name = 'http_request_duration_seconds';
  const counts = [...body.matchAll(/_bucket\{[^}]*route="\/healthz"[^}]*\} (\d+)/g)].map(([, n]) =>
    Number(n),
  );
  expect(counts).toHaveLength(11);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(body).toContain(`${name}_bucket{${labels},le="+Inf"} 3`);
  expect(body).toContain(`${name}_count{${labels}} 3`);
});

test('the process tells its memory, its processor time and when it started', async () => {
  const { body } = await buildApp(new MemoryStore()).inject('/metrics');
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]);

  expect(value('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
  expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(value('process_start_time_seconds')).toBeLessThanOrEqual(Date.now() / 1000);
});
