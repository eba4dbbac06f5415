import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';

test('an empty environment gives the defaults', () => {
  expect(readConfig({})).toEqual({
    host: '0.0.0.0',
    port: 3000,
    logLevel: 'info',
    databaseUrl: undefined,
    databasePoolMax: 10,
    shutdownTimeoutMs: 8_000,
  });
});

test('every variable is read', () => {
  const env = {
    HOST: '127.0.0.1',
    PORT: '8080',
    LOG_LEVEL: 'debug',
    DATABASE_URL: 'postgres://orders@db/orders',
    DATABASE_POOL_MAX: '3',
    SHUTDOWN_TIMEOUT_MS: '25000',
  };
  expect(readConfig(env)).toEqual({
    host: '127.0.0.1',
    port: 8080,
    logLevel: 'debug',
    databaseUrl: 'postgres://orders@db/orders',
    databasePoolMax: 3,
    shutdownTimeoutMs: 25_000,
  });
});

test('an empty variable counts as unset', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '' })).toEqual(readConfig({}));
});

test.each([
  ['PORT', '3000x'],
  ['PORT', '70000'],
  ['PORT', '-1'],
  ['DATABASE_POOL_MAX', '0'],
  ['SHUTDOWN_TIMEOUT_MS', '8s'],
  ['LOG_LEVEL', 'loud'],
  ['DATABASE_URL', 'mysql://db/orders'],
])('%s=%s is refused by name', (name, value) => {
  expect(() => readConfig({ [name]: value })).toThrow(name);
});

test('a bad DATABASE_URL is refused without repeating its password', () => {
  const read = () => readConfig({ DATABASE_URL: 'db://orders:hunter2@db/orders' });
  expect(read).toThrow('DATABASE_URL');
  expect(read).not.toThrow('hunter2');
});
