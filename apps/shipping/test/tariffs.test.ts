import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildApp } from '../src/app.ts';
import { cheapest, loadTariffs } from '../src/tariffs.ts';

const tariffs = await loadTariffs('data');

test('the cheapest tariff that carries the weight', () => {
  assert.equal(cheapest(tariffs.own, 500)?.service, 'letter');
  assert.equal(cheapest(tariffs.own, 501)?.cents, 549);
  assert.equal(cheapest(tariffs.own, 1_000_000), undefined);
});

test('requests', async () => {
  const app = buildApp({ own: tariffs.own, carrier: undefined }, false);
  for (const [path, status, contains] of [
    ['/healthz', 200, 'ok'],
    ['/tariffs', 200, 'letter'],
    ['/quote?grams=1500', 200, '549'],
    ['/quote?grams=99999999', 404, 'nobody'],
    ['/quote?grams=none', 400, 'grams'],
    ['/quote', 400, 'grams'],
    ['/carrier/tariffs', 503, 'not unpacked'],
  ] as const) {
    const answer = await app.inject(path);
    assert.equal(answer.statusCode, status, path);
    assert.ok(answer.body.includes(contains), `${path}: ${answer.body}`);
  }
});

test("the carrier's tariffs count where they were unpacked", async () => {
  const carrier = [{ service: 'express', maxGrams: 2000, cents: 1 }];
  const app = buildApp({ own: tariffs.own, carrier }, false);
  assert.deepEqual((await app.inject('/carrier/tariffs')).json(), carrier);
  assert.equal((await app.inject('/quote?grams=1500')).json().service, 'express');
});
