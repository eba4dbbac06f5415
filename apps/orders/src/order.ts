import { randomUUID } from 'node:crypto';
import type { FromSchema } from 'json-schema-to-ts';

const itemSchema = {
  type: 'object',
  required: ['sku', 'quantity', 'priceCents'],
  additionalProperties: false,
  properties: {
    sku: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' },
    quantity: { type: 'integer', minimum: 1, maximum: 10_000 },
    priceCents: { type: 'integer', minimum: 0, maximum: 100_000_000 },
  },
} as const;

// The largest total that these limits allow (1e14 cents) is still an exact JavaScript number.
export const newOrderSchema = {
  type: 'object',
  required: ['customer', 'items'],
  additionalProperties: false,
  properties: {
    // No control characters (PostgreSQL cannot store NUL) and no halves of a surrogate pair.
    customer: { type: 'string', maxLength: 200, pattern: '^[^\\p{Cc}\\p{Cs}]+$' },
    items: { type: 'array', minItems: 1, maxItems: 100, items: itemSchema },
  },
} as const;

export const orderSchema = {
  type: 'object',
  required: ['id', 'customer', 'items', 'totalCents', 'createdAt'],
  properties: {
    id: { type: 'string' },
    customer: { type: 'string' },
    items: { type: 'array', items: itemSchema },
    totalCents: { type: 'integer' },
    createdAt: { type: 'string' },
  },
} as const;

export type NewOrder = FromSchema<typeof newOrderSchema>;

export interface Order extends NewOrder {
  id: string;
  totalCents: number;
  /** ISO 8601, UTC. */
  createdAt: string;
}

export function placeOrder({ customer, items }: NewOrder): Order {
  const totalCents = items.reduce((sum, item) => sum + item.quantity * item.priceCents, 0);
  return { id: randomUUID(), customer, items, totalCents, createdAt: new Date().toISOString() };
}
