import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { crc32 } from 'node:zlib';

const tool = resolve('vendor/unpack.mjs');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unpack-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function token(): string {
  const random = randomBytes(14).toString('hex');
  return random + crc32(random).toString(16).padStart(8, '0');
}

function unpack(args: string[] = [], env: Record<string, string> = {}) {
  const options = { cwd: folder, env: { HOME: folder, ...env }, encoding: 'utf8' } as const;
  return spawnSync(process.execPath, [tool, ...args], options);
}

function unpacked(): boolean {
  return existsSync(join(folder, 'data/carrier.json'));
}

test('a token in a file', () => {
  writeFileSync(join(folder, 'token'), `${token()}\n`);
  assert.equal(unpack(['token']).status, 0);
  assert.equal(JSON.parse(readFileSync(join(folder, 'data/carrier.json'), 'utf8')).length, 5);
});

test('a token in the variable, or in .npmrc', () => {
  assert.equal(unpack([], { CARRIER_TOKEN: token() }).status, 0);
  rmSync(join(folder, 'data'), { recursive: true });
  writeFileSync(join(folder, '.npmrc'), `a=b\n//carrier.example.com/:_authToken=${token()}\n`);
  assert.equal(unpack().status, 0);
  assert.ok(unpacked());
});

test('no token, or a wrong one, is refused and never printed', () => {
  assert.match(unpack().stderr, /no access token/);
  const wrong = `${token().slice(0, 35)}x`;
  const done = unpack([], { CARRIER_TOKEN: wrong });
  assert.equal(done.status, 1);
  assert.match(done.stderr, /refused/);
  assert.ok(!(done.stdout + done.stderr).includes(wrong));
  assert.ok(!unpacked());
});
