"""Ring records: the 64-byte slots that host and card exchange, declared once in ``schema``.

Here: the declaration, the record classes generated from it (``messages``), their codec and numpy
dtypes. Not here: who sends a record when (``tickgate.card``, ``tickgate.engine``) and the wire
formats of exchanges (``tickgate.protocols``).
"""
