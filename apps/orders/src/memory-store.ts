import type { FastifyBaseLogger } from 'fastify';
import type { Order } from './order.ts';
import type { OrderStore } from './store.ts';

export class MemoryStore implements OrderStore {
  readonly #orders = new Map<string, Order>();

  open(log: FastifyBaseLogger): Promise<void> {
    log.warn('DATABASE_URL is not set: orders are kept in memory and lost when the process ends');
    return Promise.resolve();
  }

  add(order: Order): Promise<void> {
    this.#orders.set(order.id, order);
    return Promise.resolve();
  }

  find(id: string): Promise<Order | undefined> {
    return Promise.resolve(this.#orders.get(id));
  }

  list(limit: number): Promise<Order[]> {
    return Promise.resolve([...this.#orders.values()].reverse().slice(0, limit));
  }

  ping(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
