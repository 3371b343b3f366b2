"""The cues of negation, doubt, history and hypothesis in reports, Russian and English, as regular expressions.

They follow the lists of NegEx (Chapman et al., J Biomed Inform 34 (2001) 301) and ConText (Harkema et al., J
Biomed Inform 42 (2009) 839), with Russian ones beside them.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """What a report says of what it mentions."""

    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"
    HISTORICAL = "historical"
    """It was so before."""
    HYPOTHETICAL = "hypothetical"
    """It is asked after or looked for."""


class Direction(StrEnum):
    """What a cue reaches."""

    NEXT = "next"
    """The word behind it, as "не" does."""
    AFTER = "after"
    BEFORE = "before"
    AROUND = "around"
    """Both sides of its clause: Russian "не выявлено" stands before or behind."""
    NOTHING = "nothing"
    """It only masks the cues within."""


_A, _U, _H, _Y = Status.ABSENT, Status.UNCERTAIN, Status.HISTORICAL, Status.HYPOTHETICAL
_SEEN_EN = (
    r"(?:clearly |definitely |currently )?(?:seen|identified|demonstrated|visuali[sz]ed|noted|"
    r"present|evident|appreciated|observed|detected|found|apparent|visible)"
)
_SEEN_RU = (
    r"(?:выявл|обнаруж|определ|отмеч|визуализир|наблюда|получ|установ|регистрир|"
    r"прослеж|найден|диагностир|видн|имеет)\w*"
)
_HARDLY = (
    r"(?:существенно|значительно|заметно|резко|явно|особенно|significantly|appreciably|grossly|markedly|clearly)"
)

CUES: tuple[tuple[Status, Direction, str], ...] = (
    # what looks like a negation and is none
    (Status.PRESENT, Direction.NOTHING,
        r"no (?:significant |interval |appreciable |definite |further |substantial )*(?:change|"
        r"increase|decrease|improvement|worsening|difference)s?",
    ),
    (Status.PRESENT, Direction.NOTHING,
        r"without (?:significant |interval )*(?:change|increase|improvement|difficulty)s?|"
        r"not (?:significantly |appreciably )?(?:changed|only|necessarily)|no (?:prior|previous|"
        r"comparison|old)\b",
    ),
    (Status.PRESENT, Direction.NOTHING,
        r"без (?:\w+ )?(?:динамики|перемен|сравнения)|не только|не более|не менее|не ранее|"
        r"не позднее|нет динамики|не противоречит",
    ),
    # doubt
    (_U, Direction.AROUND,
        r"(?:не исключ|не исключен|нельзя исключ|невозможно исключ|"
        r"не представляется возможным исключ)\w*",
    ),
    (_U, Direction.BEFORE,
        r"(?:can ?not|can't|could not|not|cannot entirely|not entirely|not completely|"
        r"difficult to) (?:be )?(?:entirely |completely |definitively |reliably )?(?:excluded?|"
        r"ruled out|exclude|rule out)",
    ),
    (_U, Direction.AFTER,
        r"(?:can ?not|can't|could not) (?:entirely |completely |definitively )?(?:exclude|"
        r"rule out)",
    ),
    (_U, Direction.AFTER,
        r"possib(?:le|ly)|probab(?:le|ly)|likely|suspected|suspicious for|suspicion of|"
        r"questionable|suggest\w*|may (?:be|represent|reflect)|might (?:be|represent)|could (?:be|"
        r"represent|reflect)|equivocal|borderline|perhaps|concern\w* for|versus|vs\.?",
    ),
    (_U, Direction.BEFORE,
        r"(?:is|are) (?:possible|probable|likely|suspected|questionable|questioned)|possible|"
        r"questionable|suspected",
    ),
    (_U, Direction.BEFORE, r"\?"),
    (_U, Direction.AFTER, r"borderline|upper limits?|mild prominence"),
    (_U, Direction.AROUND,
        r"возможн\w*|вероятн\w*|подозрени\w*|подозрительн\w*|предположительн\w*|под вопросом|"
        r"нельзя отвергнуть|может быть|может соответствовать|сомнительн\w*|по-видимому|похоже",
    ),
    # absence
    (_A, Direction.AFTER,
        r"no|without|w/o|absence of|absent|negative for|free of|free from|clear of|denies|"
        r"den(?:ied|ying)|neither|nor|never|rather than|does not (?:have|show|demonstrate)|"
        r"do not (?:have|show|demonstrate)|did not (?:show|demonstrate)|fails? to (?:show|reveal)|"
        r"not (?:show|reveal|demonstrate|have|see|suggest|suggestive of|indicative of)\w*|"
        r"(?:cannot|can not|unable to) (?:see|identify)|resolution of|no (?:convincing |definite |"
        r"radiographic |radiological )?(?:sign|signs|evidence|suggestion|indication)s? (?:of|for)",
    ),
    (_A, Direction.BEFORE,
        rf"(?:is |are |was |were |has |have )?(?:not|n't)(?: been)? {_SEEN_EN}|(?:is|"
        rf"are) (?:absent|negative)|absent|(?:is|are|was|were|been|be) (?:excluded|ruled out)|"
        rf"(?:is|are) unlikely|unlikely|ha(?:s|ve) (?:resolved|cleared)|resolved",
    ),
    (_A, Direction.NEXT, rf"not(?: {_HARDLY})?|non"),
    (_A, Direction.AFTER, r"без(?: признаков| явлений)?|отсутстви\w+|ни|не (?:дает|содержит)"),
    (_A, Direction.AROUND,
        rf"не {_SEEN_RU}|нет(?: данных за| признаков| убедительных данных)?|отсутству\w+|"
        rf"исключен[аоы]?|исключается",
    ),
    (_A, Direction.NEXT, rf"не(?: {_HARDLY})?"),
    # history
    (_H, Direction.AFTER,
        r"history of|h/o|hx of|status post|s/p|previous|previously|prior|past|в анамнезе|"
        r"анамнез\w*|ранее|перенес\w+|после перенесенн\w+|состояние после",
    ),
    (_H, Direction.BEFORE, r"в анамнезе|by history"),
    # what is asked after
    (_Y, Direction.AFTER,
        r"rule out|r/o|to exclude|evaluate for|evaluation for|assess for|indication:?|"
        r"clinical (?:history|information|indication):?|reason for (?:exam|study|examination):?|"
        r"if|in case of|should there be|для исключения|с целью исключения|исключить|при наличии|"
        r"в случае|жалобы:?|направительный диагноз:?|цель исследования:?|диагноз направления:?|"
        r"клинически:?",
    ),
)  # fmt: skip
