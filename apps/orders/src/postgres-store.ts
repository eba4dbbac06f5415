import type { FastifyBaseLogger } from 'fastify';
import pg from 'pg';
import type { NewOrder, Order } from './order.ts';
import type { OrderStore } from './store.ts';

// One string of statements is one transaction. The lock lets replicas start at the same moment:
// two concurrent CREATE TABLE IF NOT EXISTS can otherwise fail on PostgreSQL's own catalogue.
const SCHEMA = `
  SELECT pg_advisory_xact_lock(hashtext('orders schema'));
  CREATE TABLE IF NOT EXISTS orders (
    id uuid PRIMARY KEY,
    customer text NOT NULL,
    items jsonb NOT NULL,
    total_cents bigint NOT NULL,
    created_at timestamptz NOT NULL
  );
  CREATE INDEX IF NOT EXISTS orders_created_at ON orders (created_at DESC);
`;
// The queue of the worker, whose text this is: whoever starts first makes it.
const JOBS_SCHEMA = `
  SELECT pg_advisory_xact_lock(hashtext('orders schema'));
  CREATE TABLE IF NOT EXISTS jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'done', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    run_after timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    error text
  );
  CREATE INDEX IF NOT EXISTS jobs_queued ON jobs (run_after, id) WHERE state = 'queued';
`;
const COLUMNS = 'id, customer, items, total_cents, created_at';
// One statement: there is never an order without its job, or a job without its order.
const ADD = `
  WITH placed AS (
    INSERT INTO orders (${COLUMNS}) VALUES ($1, $2, $3, $4, $5) RETURNING *
  )
  INSERT INTO jobs (kind, payload)
  SELECT 'invoice', jsonb_build_object(
    'orderId', id, 'customer', customer, 'items', items, 'totalCents', total_cents
  )
  FROM placed
`;

interface Row {
  id: string;
  customer: string;
  items: NewOrder['items'];
  total_cents: string; // bigint: pg hands it over as text
  created_at: Date;
}

export class PostgresStore implements OrderStore {
  readonly #pool: pg.Pool;

  constructor(connectionString: string, max: number) {
    this.#pool = new pg.Pool({
      connectionString,
      max,
      application_name: 'orders',
      // A request fails within seconds when the database is gone, rather than wait for ever.
      connectionTimeoutMillis: 2_000,
      statement_timeout: 3_000, // the server gives the query up
      query_timeout: 4_000, // the client does, when the server is silent
      idleTimeoutMillis: 30_000,
    });
  }

  async open(log: FastifyBaseLogger): Promise<void> {
    // An idle connection that breaks is an event of the pool; without a listener it would end
    // the process. The pool replaces the connection.
    this.#pool.on('error', (err) => {
      log.warn({ err }, 'an idle database connection was lost');
    });
    await this.#pool.query(SCHEMA);
    await this.#pool.query(JOBS_SCHEMA);
    log.info('orders are kept in PostgreSQL');
  }

  async add(order: Order): Promise<void> {
    await this.#pool.query(ADD, [
      order.id,
      order.customer,
      JSON.stringify(order.items), // pg would make a PostgreSQL array of a JavaScript one
      order.totalCents,
      order.createdAt,
    ]);
  }

  async find(id: string): Promise<Order | undefined> {
    const { rows } = await this.#pool.query<Row>(`SELECT ${COLUMNS} FROM orders WHERE id = $1`, [
      id,
    ]);
    return rows.map(toOrder)[0];
  }

  async list(limit: number): Promise<Order[]> {
    const { rows } = await this.#pool.query<Row>(
      `SELECT ${COLUMNS} FROM orders ORDER BY created_at DESC LIMIT $1`,
      [limit],
    );
    return rows.map(toOrder);
  }

  async ping(): Promise<void> {
    await this.#pool.query('SELECT 1');
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

function toOrder(row: Row): Order {
  return {
    id: row.id,
    customer: row.customer,
    items: row.items,
    totalCents: Number(row.total_cents),
    createdAt: row.created_at.toISOString(),
  };
}
