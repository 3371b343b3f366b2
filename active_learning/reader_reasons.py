"""Why a case is in a batch, in few words for a reader; what is kept is for the curator, with its figures.

The sentences of :mod:`active_learning.acquisition_reasons`, of the ways to choose and of
:mod:`active_learning.disputes` are known by how they begin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ABOUT = r"(?P<about>(?: about| on page| at| in lesion) [^:;]+)?"
_PLACE = re.compile(r"; least certain" + _ABOUT)
_RULES = tuple(
    (re.compile(begins), words)
    for begins, words in (
        (r"(drawn at random: )?no model has seen (it|the cases) yet", "no model has seen it yet"),
        (r"(the model is )?undecided( in its most doubtful answer)?" + _ABOUT, "the model is not sure"),
        (r"among the least certain of those left( in its most doubtful answer)?" + _ABOUT,
         "the model is not quite sure"),
        (r"(disputed|among the most disputed of those left)( in its most disputed answer)?" + _ABOUT,
         "the models disagree"),
        (r"the answer is likely to be wrong", "the model is likely to be wrong"),
        (r"(it likely shows something|drawn at random among cases that likely show something)",
         "something is likely to be seen"),
        (r"(it is unlike the cases that were read|unlike anything read|among the least like those read)",
         "it is unlike the cases that were read"),
        (r"(unlike those chosen before it|would change the model in another way)", "it is unlike the other cases"),
        (r"the answer that would change the model most", "the model learns most from it"),
        (r"(the next most )?typical of a group .*none was read", "nothing like it was read yet"),
        (r"((the next most )?typical of a group|without any doubt of the model, to stand)",
         "it stands for cases like it"),
        (r"audit: cleared without a reader", "drawn at random to be checked"),
        (r"(the first, )?drawn at random", "drawn at random"),
        (r"nothing more (disputed|doubtful) is left", "the model says nothing of it"),
        (r"like cases that were read or chosen", "it is like cases that were read"),
    )
)  # fmt: skip
_READERS = re.compile(
    r"(?:(?P<about>[^:;]+): )?(?:(?P<one>(?:the|both|all \d+) readers?)|\d+ of \d+ readers) \w+ "
)
WRONG = "the model is likely to be wrong"


@dataclass(frozen=True, slots=True)
class InShort:
    """A reason as a reader has it.

    Parameters
    ----------
    words:
        Without figures.
    whole:
        The kept sentence with its figures; empty where it tells what readers have answered.
    """

    words: str
    whole: str


def in_short(reason: str) -> InShort:
    """A kept reason for a reader; as it is where none of the known sentences begins it."""
    if (found := _READERS.match(reason)) is not None:
        who = "the readers and the model disagree" if found["one"] else "the readers disagree"
        return InShort(who + (f" about {found['about']}" if found["about"] else ""), "")
    for begins, words in _RULES:
        if (found := begins.match(reason)) is not None:
            about = found.groupdict().get("about") or ""
            if words == WRONG and (place := _PLACE.search(reason)) is not None:
                about = place["about"] or ""
            return InShort(words + about, reason)
    return InShort(reason, reason)
