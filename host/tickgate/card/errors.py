"""What can go wrong between host and card; each says what happened and, where known, what to do."""


class CardError(Exception):
    """Base of all errors of the card's driver."""


class CardGone(CardError):
    """The card does not answer: its process ended, its socket closed, or the bus timed out."""


class CardBusy(CardError):
    """Another host is attached to the card."""


class CardMismatch(CardError):
    """What answers is not a Tickgate card, or one with another register layout."""


class CardNotReady(CardError):
    """The card did not get into the wanted state in time."""


class WriteLost(CardError):
    """A register that was written reads back as something else."""


class LimitsRefused(CardError):
    """The card holds another image than the one uploaded, or refused to commit it.

    The limits that were in force before the upload are still in force.
    """
