import type { FastifyInstance } from 'fastify';

/** Upper bounds in seconds, from a quick answer to one that most clients have given up on. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** Everybody can invent paths, so they are no label: each would be a series that is kept for ever. */
const NO_ROUTE = 'none';

interface Durations {
  /** Requests up to the bound of the same index, and not up to the one before. */
  buckets: number[];
  seconds: number;
  count: number;
}

/**
 * Counts requests and answers `GET /metrics` in Prometheus's text format. Numbers only grow, from
 * the start of the process on: rates are the business of whoever scrapes.
 */
export function metricsRoute(app: FastifyInstance): void {
  const requests = new Map<string, number>();
  const durations = new Map<string, Durations>();

  app.addHook('onResponse', (request, reply, done) => {
    const labels = `method="${request.method}",route="${request.routeOptions.url ?? NO_ROUTE}"`;
    const counted = `${labels},status="${String(reply.statusCode)}"`;
    requests.set(counted, (requests.get(counted) ?? 0) + 1);
    observe(durations, labels, reply.elapsedTime / 1000);
    done();
  });

  app.get('/metrics', (_request, reply) => {
    const lines = [
      ...family('http_requests_total', 'counter', 'Requests that were answered.'),
      ...[...requests].map(([labels, count]) => sample('http_requests_total', labels, count)),
      ...processMetrics(),
      ...family('http_request_duration_seconds', 'histogram', 'Time from request to answer.'),
      ...[...durations].flatMap(([labels, each]) => histogram(labels, each)),
    ];
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(`${lines.join('\n')}\n`);
  });
}

function observe(durations: Map<string, Durations>, labels: string, seconds: number): void {
  const found = durations.get(labels) ?? { buckets: BUCKETS.map(() => 0), seconds: 0, count: 0 };
  const index = BUCKETS.findIndex((bound) => seconds <= bound);
  if (index >= 0) found.buckets[index] = (found.buckets[index] ?? 0) + 1;
  found.seconds += seconds;
  found.count += 1;
  durations.set(labels, found);
}

/** The buckets of the format are cumulative, and the last one holds all. */
function histogram(labels: string, { buckets, seconds, count }: Durations): string[] {
  const name = 'http_request_duration_seconds';
  let below = 0;
  const lines = BUCKETS.map((bound, index) => {
    below += buckets[index] ?? 0;
    return sample(`${name}_bucket`, `${labels},le="${String(bound)}"`, below);
  });
  return [
    ...lines,
    sample(`${name}_bucket`, `${labels},le="+Inf"`, count),
    sample(`${name}_sum`, labels, seconds),
    sample(`${name}_count`, labels, count),
  ];
}

function processMetrics(): string[] {
  const { user, system } = process.cpuUsage();
  return [
    ...family('process_cpu_seconds_total', 'counter', 'Processor time, user and system.'),
    sample('process_cpu_seconds_total', '', (user + system) / 1e6),
    ...family('process_resident_memory_bytes', 'gauge', 'Memory that is resident.'),
    sample('process_resident_memory_bytes', '', process.memoryUsage.rss()),
    ...family('process_start_time_seconds', 'gauge', 'When the process started, Unix time.'),
    sample('process_start_time_seconds', '', Date.now() / 1000 - process.uptime()),
  ];
}

function family(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function sample(name: string, labels: string, value: number): string {
  return `${name}${labels && `{${labels}}`} ${String(value)}`;
}
