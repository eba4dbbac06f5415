import { buildApp } from './app.ts';
import { readConfig, type Config } from './config.ts';
import { MemoryStore } from './memory-store.ts';
import { PostgresStore } from './postgres-store.ts';
import { closeOnSignal } from './shutdown.ts';

const config = configOrExit();
const store = config.databaseUrl
  ? new PostgresStore(config.databaseUrl, config.databasePoolMax)
  : new MemoryStore();
const app = buildApp(store, config.logLevel);

process.on('uncaughtException', exit('the service crashed'));
closeOnSignal(app, config.shutdownTimeoutMs);
app.listen({ host: config.host, port: config.port }).catch(exit('the service could not start'));

function exit(message: string): (err: unknown) => never {
  return (err) => {
    app.log.fatal({ err }, message);
    process.exit(1);
  };
}

function configOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (err) {
    // There is no logger yet, but whoever collects the logs still expects JSON.
    const msg = err instanceof Error ? err.message : err;
    console.log(JSON.stringify({ level: 'fatal', time: new Date().toISOString(), msg }));
    process.exit(1);
  }
}
