export interface Config {
  host: string;
  port: number;
  logLevel: string;
  /** Without it, orders are kept in memory. */
  databaseUrl: string | undefined;
  databasePoolMax: number;
  shutdownTimeoutMs: number;
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/**
 * Reads the environment once, at the start: a typo must stop the service there, not at the first
 * request. An empty variable counts as unset. Messages never repeat a value, because DATABASE_URL
 * carries a password.
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const env = withoutEmpty(environment);
  return {
    host: env.HOST ?? '0.0.0.0',
    port: integer(env, 'PORT', 3000, 0, 65_535),
    logLevel: logLevel(env),
    databaseUrl: databaseUrl(env),
    databasePoolMax: integer(env, 'DATABASE_POOL_MAX', 10, 1, 100),
    // By default Docker kills a container 10 s after SIGTERM, Kubernetes after 30 s.
    shutdownTimeoutMs: integer(env, 'SHUTDOWN_TIMEOUT_MS', 8_000, 1, 600_000),
  };
}

function withoutEmpty(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}

function integer(
  env: NodeJS.ProcessEnv,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const text = env[name];
  if (text === undefined) return fallback;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new Error(`${name} must be a whole number from ${String(min)} to ${String(max)}`);
}

function logLevel(env: NodeJS.ProcessEnv): string {
  const level = env.LOG_LEVEL ?? 'info';
  if (LOG_LEVELS.includes(level)) return level;
  throw new Error(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`);
}

function databaseUrl(env: NodeJS.ProcessEnv): string | undefined {
  const url = env.DATABASE_URL;
  if (url === undefined) return undefined;
  if (/^postgres(ql)?:$/.test(URL.parse(url)?.protocol ?? '')) return url;
  throw new Error('DATABASE_URL must look like postgres://user:password@host:5432/database');
}
