"""KNOWLEDGE: rows, statements and transactions, on SQLite and PostgreSQL alike.

``engine`` is the interface, ``sqlite`` and ``postgres`` its two drivers, ``schema`` the tables; the
other modules hold the statements, one file per noun, as functions of a transaction.
"""
