"""The step in which the witness is heard: what it finds after the redaction stands on the receipt, as an exception.

The erasure's own search reads with the redaction's eyes; the witness (``privacy.witness``) shares nothing
with it. What it still finds cannot be taken out without harm to what others wrote (a hash in a link, an
address in somebody's archive), or was not recognised: people decide, by the place that the receipt names.
Must not: change anybody's mail; put more on a receipt than opaque words.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.privacy.erasing.names import is_common
from mailhub.privacy.erasing.work import Work
from mailhub.privacy.witness.marks import Marks
from mailhub.privacy.witness.search import Looked, Witness, summed

LISTED = 300  # places on a receipt; how many more there are, it says


def hear_witness(work: Work) -> None:
    """Look at everything once more; counts ``witness`` and ``exceptions`` say what was found.

    Names are looked for whether or not they were agreed to: where they stand is listed. A common word is nobody's.
    """
    names = dict.fromkeys([*work.person.agreed, *work.person.names])
    witness = Witness(
        database=work.parts.database,
        keys=work.parts.keys,
        account=work.account,
        marks=Marks(work.person.addresses, tuple(name for name in names if not is_common(name))),
    )
    pages = []
    for page in witness.pages():
        work.look_up()
        pages.append(page)

    exceptions = [each for each in exceptions_of(pages) if not _is_later(each, work.cut)]
    counts = {**summed(pages), "found": len(exceptions)}
    work.set_counts(witness=counts, exceptions=exceptions[:LISTED])


def _is_later(exception: dict[str, object], cut: int) -> bool:
    """Whether it stands in a message that came after the cut."""
    kind, _, number = str(exception["where"]).partition(":")
    return kind == "message" and number.isdecimal() and int(number) > cut


def exceptions_of(pages: Sequence[Looked]) -> list[dict[str, object]]:
    """Each place as the receipt has it."""
    return [
        {"where": place.where, "what": place.what, "how": place.how, "count": place.count}
        for page in pages
        for place in page.places
    ]
