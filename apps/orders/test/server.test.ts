import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';

interface LogLine {
  level: string;
  msg: string;
}

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** The real process, as `npm run dev` starts it: Node.js runs TypeScript by itself. */
function start(env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, ['src/server.ts'], {
    env: { HOST: '127.0.0.1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const log: LogLine[] = [];
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => log.push(JSON.parse(line) as LogLine));

  const port = new Promise<number>((resolve) => {
    lines.on('line', (line) => {
      const match = /listening at http:\/\/127\.0\.0\.1:(\d+)/.exec(line);
      if (match) resolve(Number(match[1]));
    });
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  return { child, log, port, ended };
}

const body = JSON.stringify({
  customer: 'Ada',
  items: [{ sku: 'TEA-1', quantity: 1, priceCents: 450 }],
});

/** Sends a request up to the middle of its body, so that it is in flight for as long as we like. */
async function beginRequest(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const head = ['POST /orders HTTP/1.1', 'Host: orders', 'Content-Type: application/json'];
  const length = `Content-Length: ${String(body.length)}`;
  socket.write([...head, length, '', body.slice(0, 10)].join('\r\n'));
  return socket;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Ends when nobody listens any more. Before that, a connection may still slip in or be reset. */
async function untilRefused(port: number): Promise<void> {
  let code: string | undefined;
  while (code !== 'ECONNREFUSED') {
    const socket = connect(port, '127.0.0.1');
    code = await once(socket, 'connect').then(
      () => undefined,
      (err: unknown) => (err as NodeJS.ErrnoException).code,
    );
    socket.destroy();
  }
}

test('without DATABASE_URL one warning says that orders are kept in memory', async () => {
  const { log, port } = start({});
  await port;

  const warnings = log.filter(({ level }) => level === 'warn');
  expect(warnings).toHaveLength(1);
  expect(warnings[0]?.msg).toMatch(/DATABASE_URL is not set/);
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends the service when the request in flight is answered',
  async (signal) => {
    const { child, log, port, ended } = start({});
    const socket = await beginRequest(await port);
    const response = text(socket);
    await until(() => log.some(({ msg }) => msg === 'incoming request'));

    child.kill(signal);
    await until(() => log.some(({ msg }) => msg === 'shutting down'));
    await untilRefused(await port);

    // It is the service that has to end the connection: our end stays open.
    socket.write(body.slice(10));
    expect(await response).toMatch(/^HTTP\/1\.1 201 Created/);
    expect(await ended).toEqual([0, null]);
    expect(log.at(-1)?.msg).toBe('shut down');
  },
);

test('a request that does not end holds the service up only until SHUTDOWN_TIMEOUT_MS', async () => {
  const { child, log, port, ended } = start({ SHUTDOWN_TIMEOUT_MS: '100' });
  const socket = await beginRequest(await port);
  socket.on('error', () => undefined); // the service resets the connection
  await until(() => log.some(({ msg }) => msg === 'incoming request'));

  child.kill('SIGTERM');
  expect(await ended).toEqual([1, null]);
  expect(log.at(-1)?.level).toBe('error');
});

test('a database that cannot be reached at the start ends the service, without its password', async () => {
  const { log, ended } = start({ DATABASE_URL: 'postgres://orders:hunter2@127.0.0.1:1/orders' });

  expect(await ended).toEqual([1, null]);
  expect(log.map(({ level }) => level)).toEqual(['fatal']);
  expect(JSON.stringify(log)).not.toContain('hunter2');
});

test('a wrong variable ends the service with one JSON line', async () => {
  const { log, ended } = start({ PORT: 'web' });

  expect(await ended).toEqual([1, null]);
  expect(log).toMatchObject([{ level: 'fatal', msg: expect.stringContaining('PORT') as string }]);
});
