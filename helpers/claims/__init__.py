"""The ledger of the article's claims: what it says, what was measured here, and a verdict."""
