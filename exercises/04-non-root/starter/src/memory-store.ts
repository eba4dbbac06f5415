import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import type { Order } from './order.ts';
import type { OrderStore } from './store.ts';

/** Without a database, this edition keeps its orders in a file: one JSON object a line. */
export class MemoryStore implements OrderStore {
  readonly #orders = new Map<string, Order>();
  readonly #journal = join(process.env.DATA_DIR ?? 'data', 'orders.jsonl');

  async open(log: FastifyBaseLogger): Promise<void> {
    await mkdir(dirname(this.#journal), { recursive: true });
    // Whoever may not write learns it at the start, not at the first order.
    await appendFile(this.#journal, '');
    for (const line of (await readFile(this.#journal, 'utf8')).split('\n')) {
      if (line !== '') this.#remember(JSON.parse(line) as Order);
    }
    log.info({ journal: this.#journal }, 'orders are kept in a file');
  }

  async add(order: Order): Promise<void> {
    await appendFile(this.#journal, `${JSON.stringify(order)}\n`);
    this.#remember(order);
  }

  find(id: string): Promise<Order | undefined> {
    return Promise.resolve(this.#orders.get(id));
  }

  list(limit: number): Promise<Order[]> {
    return Promise.resolve([...this.#orders.values()].reverse().slice(0, limit));
  }

  async ping(): Promise<void> {
    await appendFile(this.#journal, '');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #remember(order: Order): void {
    this.#orders.set(order.id, order);
  }
}
