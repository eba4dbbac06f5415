"""The invoice as text."""

from __future__ import annotations

from worker.invoice import render

ORDER = {
    "customer": "Ada",
    "items": [
        {"sku": "tea", "quantity": 2, "priceCents": 350},
        {"sku": "cup", "quantity": 1, "priceCents": 5},
    ],
    "totalCents": 705,
}


def test_every_item_and_the_total_are_on_it() -> None:
    assert render(7, ORDER).splitlines() == [
        "Invoice 7 for Ada",
        "2 x tea at 3.50: 7.00",
        "1 x cup at 0.05: 0.05",
        "Total: 7.05",
    ]
