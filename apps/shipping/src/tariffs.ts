import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What one parcel up to a weight costs, in cents. */
export interface Tariff {
  service: string;
  maxGrams: number;
  cents: number;
}

/** Our own tariffs, and the carrier's where its list was unpacked. */
export interface Tariffs {
  own: Tariff[];
  carrier: Tariff[] | undefined;
}

export async function loadTariffs(folder: string): Promise<Tariffs> {
  return {
    own: await read(join(folder, 'tariffs.json')),
    carrier: await read(join(folder, 'carrier.json')).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }),
  };
}

/** The cheapest tariff that carries the weight. */
export function cheapest(tariffs: Tariff[], grams: number): Tariff | undefined {
  return tariffs
    .filter((tariff) => grams <= tariff.maxGrams)
    .sort((a, b) => a.cents - b.cents)[0];
}

async function read(path: string): Promise<Tariff[]> {
  return JSON.parse(await readFile(path, 'utf8'));
}
