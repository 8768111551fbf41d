"""Every error the filter raises on purpose. This package imports nothing of mailhub and owns its errors.

ClassifierError
|- CountBelowZero      an untraining asked for more than was trained; nothing was changed
|- DamagedCheckpoint   the checkpoint's bytes are not what was written: fold the ledger anew
|- OtherFeatures       the checkpoint is whole, but of another FEATURES_VERSION: rebuild in the background
`- UnknownLabel        a label that is neither spam nor ham
"""

from __future__ import annotations


class ClassifierError(Exception):
    """Base of all; the texts hold no personal data."""


class CountBelowZero(ClassifierError):
    """What should be taken back was never trained. The counts are as before."""


class DamagedCheckpoint(ClassifierError):
    """Wrong magic, length or checksum."""


class OtherFeatures(ClassifierError):
    """Written by another version of the tokeniser: its ids mean something else."""


class UnknownLabel(ClassifierError):
    """Neither spam nor ham."""
