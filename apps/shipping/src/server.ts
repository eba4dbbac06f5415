import { buildApp } from './app.ts';
import { loadTariffs } from './tariffs.ts';

// No await at the top: the bundle is CommonJS, which has none.
async function main(): Promise<void> {
  const app = buildApp(await loadTariffs(process.env.DATA_FOLDER ?? 'data'));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void app.close());
  }
  await app.listen({ host: '0.0.0.0', port: Number(process.env.PORT ?? 3000) });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
