"""The one kind of job: write the invoice for an order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from worker.jobs import Connection, Handler, Job

SCHEMA = """
SELECT pg_advisory_xact_lock(hashtext('invoices schema'));
CREATE TABLE IF NOT EXISTS invoices (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id uuid NOT NULL UNIQUE,
  total_cents bigint NOT NULL,
  body text
);
"""
# A job that runs a second time finds its invoice and leaves it.
_NEW = """
INSERT INTO invoices (order_id, total_cents) VALUES (%s, %s)
ON CONFLICT (order_id) DO NOTHING
RETURNING number
"""
_BODY = "UPDATE invoices SET body = %s WHERE number = %s"


def invoice_handler(work_seconds: float) -> Handler:
    """Writes invoices, each in two steps with the rendering between them.

    Args:
        work_seconds: how much longer the rendering takes on purpose, to try a stop out.
    """

    def write(connection: Connection, job: Job) -> None:
        order = job.payload
        row = connection.execute(_NEW, (order["orderId"], order["totalCents"])).fetchone()
        if row is None:
            return
        (number,) = row
        time.sleep(work_seconds)
        connection.execute(_BODY, (render(number, order), number))

    return write


def render(number: int, order: Mapping[str, Any]) -> str:
    """The invoice as text.

    >>> items = [{"sku": "tea", "quantity": 2, "priceCents": 350}]
    >>> print(render(7, {"customer": "Ada", "items": items, "totalCents": 700}))
    Invoice 7 for Ada
    2 x tea at 3.50: 7.00
    Total: 7.00
    """
    lines = [f"Invoice {number} for {order['customer']}"]
    for item in order["items"]:
        amount = item["quantity"] * item["priceCents"]
        lines.append(
            f"{item['quantity']} x {item['sku']} at {_money(item['priceCents'])}: {_money(amount)}"
        )
    lines.append(f"Total: {_money(order['totalCents'])}")
    return "\n".join(lines)


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
