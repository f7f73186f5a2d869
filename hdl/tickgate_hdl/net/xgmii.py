"""What XGMII is made of, 64 bits wide: control characters, and the word that starts a frame.

Lane 0, the first on the wire, is in bits 7:0; a bit of the control word says that its lane has a
control character. Source: IEEE 802.3, clause 46.
"""

__all__ = ["ERROR", "IDLE", "LANES", "PREAMBLE", "START", "TERMINATE"]

LANES = 8

IDLE, START, TERMINATE, ERROR = 0x07, 0xFB, 0xFD, 0xFE

PREAMBLE = int.from_bytes([START, *6 * [0x55], 0xD5], "little")
"""Start character, preamble and start frame delimiter; the first byte of the frame follows."""
