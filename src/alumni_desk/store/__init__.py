"""A desk's encrypted database: opening, capture, transactions, search, backup, migrations."""
