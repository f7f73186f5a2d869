"""Order entry: OUCH 5.0 in a SoupBinTCP session over a byte stream.

Here: encoding what the gate passed, framing and decoding what the venue answers, the session's
state. Not here: any decision about an order (``tickgate_hdl.risk``), TCP itself (``net``).
"""
