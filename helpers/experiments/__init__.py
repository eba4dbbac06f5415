"""The measurements that notebooks and the ledger of claims are made of."""
