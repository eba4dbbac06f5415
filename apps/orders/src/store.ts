import type { FastifyBaseLogger } from 'fastify';
import type { Order } from './order.ts';

export interface OrderStore {
  /** Called once, before the first request is accepted. */
  open(log: FastifyBaseLogger): Promise<void>;
  add(order: Order): Promise<void>;
  find(id: string): Promise<Order | undefined>;
  /** Newest first. */
  list(limit: number): Promise<Order[]>;
  /** Rejects when the store cannot be reached. */
  ping(): Promise<void>;
  /** Called once, after the last request was answered. */
  close(): Promise<void>;
}
