"""The limits image: the tables that the gate reads, as 32-bit words, declared once.

The host writes the words of every table to the card's shadow bank through ``limit_address`` and
``limit_data``; bits 31:28 of an address choose the table, bits 27:0 the word in it. The CRC runs
over the tables in the order of ``TABLES``, each from word 0 to its last, words little-endian
(``zlib.crc32``). Rows are indexed by account, by symbol, by ``account * symbols + symbol``, by
group, by clearing firm, by session, by strategy; the firm has row 0 of its table. A row whose
``enabled`` is 0 refuses: an unset limit is never an unlimited one.

The group and the clearing firm of an account are those of the first image in force that sets the
account, until the card is reset: what the account has traded and has open counts there. An image
that says otherwise, or names a row that the card has not, is refused.

The limits file (``tickgate.risk.limits``), the console's grids and the pages in ``docs/`` follow
this table: ``unit`` says how a field is written there.
"""

from dataclasses import dataclass

UNITS = (
    "flag", "bits", "row", "shares", "usd", "orders", "executions", "messages", "messages/s", "ms"
)
"""``usd`` is 1/10000 USD in the image, decimal text in files; ``bits`` has names of its own; a
``row`` is one of another table, which has a name in files."""

MESSAGE_COST = 1000
"""What one message takes from a token bucket, in 1/1000 messages: a refill of ``rate`` of these a
millisecond is then exact."""

MAX_AMOUNT = (1 << 63) - 1
"""Largest sum of money that a limit can be, in 1/10000 USD."""
_SUM = (1 << 47) - 1

SESSIONS = 32
"""Client sessions of every card: the width of the register of their kill switch."""

STRATEGIES = 32
"""Strategies of every card: as ``SESSIONS``."""

SELECT_BIT = 28
"""Bit of an address from which it says the table."""


@dataclass(frozen=True)
class ImageField:
    """One field of a row: its first word in the row, its width in words, unit and meaning.

    ``unit`` is one of ``UNITS``; ``most`` the largest value; ``label`` heads a column.
    """

    name: str
    word: int
    words: int
    unit: str
    label: str
    doc: str
    most: int = 0
    restricts: bool = False
    """More of it allows less."""

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"{self.name}: the unit must be one of {UNITS}, not {self.unit!r}")
        if not self.most:
            object.__setattr__(self, "most", (1 << 32 * self.words) - 1)


@dataclass(frozen=True)
class ImageTable:
    """One table of the image. ``row_words`` is a power of two."""

    select: int
    name: str
    row_words: int
    fields: tuple[ImageField, ...]

    def address(self, row: int, word: int) -> int:
        """Address of a word of a row, for ``limit_address``."""
        return self.select << SELECT_BIT | (row * self.row_words + word)


PERMISSIONS = (
    "buy", "sell", "short", "short_exempt", "day", "ioc", "iso", "extended", "self_match")
"""Bits of ``permissions``, from bit 0: sides, times in force, intermarket sweeps, orders outside
regular market hours, and orders that would trade with a working order of the same group."""

RESTRICTIONS = ("buy", "sell", "short")
"""Bits of ``restricted``, from bit 0: no buys, no sales of any kind, no short sales."""

WAIVED = ("national", "luld", "window")
"""Bits of ``waived``, from bit 0: references that the host uploads and that orders are not held to:
the national best bid, the limit up-limit down band, the reference of a time window."""

ENTITLED = 1 << len(RESTRICTIONS)
"""Bit of a position row's ``flags``, above its restrictions: the account may trade the symbol."""

TICKS = {1: 0b000, 50: 0b101, 100: 0b111}
"""Words of ``tick`` by tick size in 1/10000 USD: bits 1:0 a mask of price bits that must be 0,
bit 2: the price must be a multiple of 25."""

LOTS = {1: 0b00000, 10: 0b01001, 40: 0b01111, 100: 0b10011}
"""Words of ``lot`` by round lot in shares (Rule 600(b)): bits 2:0 a mask of quantity bits that must
be 0, bits 3 and 4: the quantity must be a multiple of 5, of 25."""


def _bucket(word: int, whose: str) -> tuple[ImageField, ImageField]:
    """A token bucket of messages."""
    return (
        ImageField("rate", word, 1, "messages/s", "Messages a second",
                   f"Messages a second {whose} that refill the token bucket.", (1 << 16) - 1),
        ImageField("burst", word + 1, 1, "messages", "Burst",
                   f"Messages {whose} that the token bucket holds.", (1 << 16) - 1),
    )


ACCOUNT = ImageTable(0, "account", 32, (
    ImageField("enabled", 0, 1, "flag", "Set", "1 = the row is set."),
    ImageField("max_quantity", 1, 1, "shares", "Max quantity", "Largest order, in shares."),
    ImageField("max_value", 2, 2, "usd", "Max value", "Largest order."),
    *_bucket(4, "of the account"),
    ImageField("permissions", 6, 1, "bits", "May",
               "What orders may be: sides, times in force, hours, matches with own orders."),
    ImageField("max_orders", 7, 1, "orders", "Max working orders", "Working orders at a time."),
    ImageField("max_open_quantity", 8, 2, "shares", "Max open quantity",
               "Shares that working orders may still trade.", _SUM),
    ImageField("max_open_value", 10, 2, "usd", "Max open value",
               "Value of what working orders may still trade.", MAX_AMOUNT),
    ImageField("max_day_quantity", 12, 2, "shares", "Max day quantity",
               "Shares of all orders of the day that passed.", _SUM),
    ImageField("max_day_value", 14, 2, "usd", "Max day value",
               "Value of all orders of the day that passed.", MAX_AMOUNT),
    ImageField("gross_credit", 16, 2, "usd", "Gross credit",
               "Value traded in the day and of open orders, both sides added.", MAX_AMOUNT),
    ImageField("net_credit", 18, 2, "usd", "Net credit",
               "Value bought less sold in the day, or sold less bought, with the open orders "
               "that add to it.", MAX_AMOUNT),
    ImageField("cancel_rate", 23, 1, "messages/s", "Cancels a second",
               "Cancels and replaces a second that refill their own token bucket.", (1 << 16) - 1),
    ImageField("cancel_burst", 24, 1, "messages", "Cancel burst",
               "Cancels and replaces that their token bucket holds.", (1 << 16) - 1),
    ImageField("duplicate_window", 22, 1, "ms", "Duplicate window",
               "How long after an order an equal one is a duplicate; 0: never.", restricts=True),
    ImageField("group", 20, 1, "row", "Group", "Row of its group."),
    ImageField("clearing_firm", 21, 1, "row", "Clearing firm",
               "Row of the clearing firm that guarantees its trades."),
    ImageField("max_rejects", 25, 1, "orders", "Max rejects in a row",
               "Orders in a row that the venue rejects, after which a person must let the account "
               "go on."),
))

SYMBOL = ImageTable(1, "symbol", 16, (
    ImageField("enabled", 0, 1, "flag", "Set", "1 = the row is set."),
    ImageField("collar", 1, 1, "usd", "Collar", "How far through the far touch a price may be."),
    ImageField("tick", 2, 1, "bits", "Tick", "Prices are multiples of it (``TICKS``)."),
    ImageField("lot", 3, 1, "bits", "Lot", "Quantities are multiples of it (``LOTS``)."),
    ImageField("restricted", 4, 1, "bits", "Restricted", "What nobody may do (``RESTRICTIONS``)."),
    ImageField("window_collar", 5, 1, "usd", "Window collar",
               "How far beyond the reference of the time window a price may be."),
    ImageField("max_reference_age", 6, 1, "ms", "Max reference age",
               "How old the uploaded references may be."),
    ImageField("waived", 7, 1, "bits", "Waived",
               "References that orders are not held to (``WAIVED``)."),
    *_bucket(8, "of all accounts in the symbol"),
))

POSITION = ImageTable(2, "position", 4, (
    ImageField("max_long", 0, 1, "shares", "Max long",
               "Largest long position with open buys.", (1 << 31) - 1),
    ImageField("max_short", 1, 1, "shares", "Max short",
               "Largest short position with open sells.", (1 << 31) - 1),
    ImageField("flags", 2, 1, "bits", "Flags",
               "What the account may not do (``RESTRICTIONS``), and ``ENTITLED``."),
    ImageField("locates", 3, 1, "shares", "Locates",
               "Shares located for short sales: all orders of the day that passed.", (1 << 31) - 1),
))


def _credit(select: int, name: str, whose: str) -> ImageTable:
    """Credit of accounts together."""
    doc = f"As an account's, of all accounts {whose}together."
    return ImageTable(select, name, 8, (
        ImageField("enabled", 0, 1, "flag", "Set", "1 = the row is set."),
        ImageField("gross_credit", 2, 2, "usd", "Gross credit", doc, MAX_AMOUNT),
        ImageField("net_credit", 4, 2, "usd", "Net credit", doc, MAX_AMOUNT),
    ))


FIRM = _credit(3, "firm", "")
GROUP = _credit(4, "group", "of the group ")
CLEARING_FIRM = _credit(5, "clearing_firm", "that clear through it ")

SESSION = ImageTable(6, "session", 4, (
    ImageField("enabled", 0, 1, "flag", "Set", "1 = the row is set."),
    *_bucket(1, "of the session"),
))

STRATEGY = ImageTable(7, "strategy", 2, (
    ImageField("enabled", 0, 1, "flag", "Set", "1 = the row is set."),
    ImageField("max_executions", 1, 1, "executions", "Max executions",
               "Executions of the strategy's orders, after which a person must let it go on."),
))

TABLES = (ACCOUNT, SYMBOL, POSITION, FIRM, GROUP, CLEARING_FIRM, SESSION, STRATEGY)

MEMBERSHIPS = (GROUP, CLEARING_FIRM)
"""Tables that each account belongs to a row of; its own row has a field of that name."""


@dataclass(frozen=True, slots=True)
class TableSizes:
    """How many of each a card has rows for."""

    accounts: int
    symbols: int
    groups: int
    clearing_firms: int
    sessions: int = SESSIONS
    strategies: int = STRATEGIES


USUAL_SIZES = TableSizes(accounts=16, symbols=64, groups=16, clearing_firms=4)
"""Those of the card that the host expects while none is there."""


def rows(table: ImageTable, sizes: TableSizes) -> int:
    """Rows of a table on a card of this size."""
    return {
        ACCOUNT.name: sizes.accounts,
        SYMBOL.name: sizes.symbols,
        POSITION.name: sizes.accounts * sizes.symbols,
        FIRM.name: 1,
        GROUP.name: sizes.groups,
        CLEARING_FIRM.name: sizes.clearing_firms,
        SESSION.name: sizes.sessions,
        STRATEGY.name: sizes.strategies,
    }[table.name]
