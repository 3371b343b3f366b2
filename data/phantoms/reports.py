"""Free-text reports of chest radiographs, Russian and English, that fit what is true of them.

A report goes through the chest in the usual order. What is there is said in one of several ways; what is not there
is denied, called normal or passed over, as reports do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Report:
    """A report. ``language`` is ``ru`` or ``en``."""

    language: str
    text: str


_SAID: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ru": {
        "pneumonia": (
            "В правом лёгком участок инфильтрации без чётких контуров.",
            "Определяется инфильтрация лёгочной ткани, картина пневмонии.",
        ),
        "nodule": ("Определяется округлое образование с чётким контуром.", "Узелковая тень диаметром до 2 см."),
        "petrifications": ("Единичные петрификаты.", "Плотные петрификаты в лёгочной ткани."),
        "vascular_hila": (
            "Корни сосудистого характера.",
            "Корни лёгких расширены за счёт сосудистого компонента.",
            "Корни полнокровные, сосудистые.",
        ),
        "diaphragm_relaxation": (
            "Релаксация купола диафрагмы.",
            "Высокое стояние купола диафрагмы, релаксация.",
            "Частичная релаксация диафрагмы.",
        ),
        "enlarged_heart": (
            "Сердце расширено в поперечнике.",
            "Сердце увеличено за счёт левых отделов.",
            "Границы сердца расширены влево.",
        ),
        "enlarged_heart_shadow": (
            "Тень сердца расширена.",
            "Расширение тени сердца в обе стороны.",
            "Сердечная тень увеличена в размерах.",
        ),
        "unfolded_aorta": ("Аорта развёрнута.", "Аорта удлинена, развернута.", "Разворот дуги аорты."),
        "dense_aorta": ("Аорта уплотнена.", "Тень аорты уплотнена.", "Стенки аорты уплотнены."),
        "aortic_atherosclerosis": (
            "Атеросклероз аорты.",
            "Атеросклеротические изменения аорты.",
            "Обызвествления в стенках: атеросклероз аорты.",
        ),
        "aortic_arch_sclerosis": ("Склероз дуги аорты.", "Дуга аорты склерозирована.", "Кальциноз дуги аорты."),
        "scoliosis": (
            "Сколиоз грудного отдела позвоночника.",
            "S-образный сколиоз.",
            "Правосторонний сколиоз 1 ст.",
        ),
    },
    "en": {
        "pneumonia": ("There is a patchy infiltrate in the lung.", "Airspace opacity consistent with pneumonia."),
        "nodule": ("There is a rounded nodule in the lung.", "Solitary pulmonary nodule."),
        "petrifications": ("Calcified granuloma in the lung.", "Scattered petrifications."),
        "vascular_hila": ("Prominent hilar vessels.", "The hila are vascular.", "Hilar vasculature is prominent."),
        "diaphragm_relaxation": (
            "Relaxation of the diaphragm.",
            "Eventration of the hemidiaphragm.",
            "The hemidiaphragm is elevated, consistent with eventration.",
        ),
        "enlarged_heart": ("The heart is enlarged.", "Heart size is increased.", "Enlarged heart."),
        "enlarged_heart_shadow": (
            "The heart shadow is widened.",
            "The cardiac silhouette is enlarged.",
            "Enlarged cardiac silhouette.",
        ),
        "unfolded_aorta": (
            "The aorta is unfolded.",
            "Tortuous thoracic aorta.",
            "Unfolding of the thoracic aorta.",
        ),
        "dense_aorta": ("The aorta is dense.", "Increased density of the thoracic aorta.", "Dense aorta."),
        "aortic_atherosclerosis": (
            "Atherosclerosis of the aorta.",
            "Atherosclerotic changes of the thoracic aorta.",
            "Calcified atherosclerotic aorta.",
        ),
        "aortic_arch_sclerosis": (
            "Aortic arch sclerosis.",
            "Sclerosis of the aortic arch.",
            "Calcified aortic knob.",
        ),
        "scoliosis": ("Thoracic scoliosis.", "There is scoliosis of the thoracic spine.", "Mild dextroscoliosis."),
    },
}
"""What is said of what is there."""

_DENIED: Mapping[str, tuple[tuple[frozenset[str], tuple[str, ...]], ...]] = {
    "ru": (
        (
            frozenset({"pneumonia", "nodule", "petrifications"}),
            (
                "Лёгкие без видимых очаговых и инфильтративных изменений.",
                "Очаговых и инфильтративных теней не выявлено.",
                "В лёгких очаги и инфильтрация не определяются.",
            ),
        ),
        (frozenset({"vascular_hila"}), ("Корни структурны, не расширены.", "Корни структурны.", "")),
        (frozenset(), ("Синусы свободны.", "Выпота нет.", "Плевральный выпот, пневмоторакс не выявлены.", "")),
        (frozenset({"diaphragm_relaxation"}), ("Диафрагма обычно расположена.", "")),
        (
            frozenset({"enlarged_heart", "enlarged_heart_shadow"}),
            ("Сердце не расширено.", "Тень сердца не увеличена.", "Сердце обычной формы и размеров.", ""),
        ),
        (
            frozenset({"unfolded_aorta", "dense_aorta", "aortic_atherosclerosis", "aortic_arch_sclerosis"}),
            ("Аорта не изменена.", "Аорта без особенностей.", "Аорта не уплотнена.", ""),
        ),
        (frozenset({"scoliosis"}), ("Сколиоза нет.", "", "")),
    ),
    "en": (
        (
            frozenset({"pneumonia", "nodule", "petrifications"}),
            (
                "The lungs are clear.",
                "No focal consolidation or nodule.",
                "No infiltrate, nodule or granuloma is seen.",
            ),
        ),
        (frozenset({"vascular_hila"}), ("The hila are normal.", "")),
        (frozenset(), ("No pleural effusion or pneumothorax.", "Pleural effusion is not seen.", "")),
        (frozenset({"diaphragm_relaxation"}), ("The diaphragm is unremarkable.", "")),
        (
            frozenset({"enlarged_heart", "enlarged_heart_shadow"}),
            ("Heart size is normal.", "The heart is not enlarged.", "Normal cardiac silhouette.", ""),
        ),
        (
            frozenset({"unfolded_aorta", "dense_aorta", "aortic_atherosclerosis", "aortic_arch_sclerosis"}),
            ("The aorta is unremarkable.", "The aorta is not tortuous.", ""),
        ),
        (frozenset({"scoliosis"}), ("No scoliosis.", "", "")),
    ),
}
"""By region, in the order of a report: its concepts, and what is said where none of them is there."""

_NORMAL: Mapping[str, tuple[str, ...]] = {
    "ru": ("Патологических изменений не выявлено.", "Без патологии.", "Рентгенологическая норма."),
    "en": ("Normal chest.", "No acute cardiopulmonary abnormality.", "Chest radiograph is normal."),
}


def report_for(concepts: Iterable[str], rng: np.random.Generator) -> Report:
    """A report that affirms these concepts and no other.

    Parameters
    ----------
    concepts:
        Findings and confounders of the phantoms.
    """
    there = frozenset(concepts)
    language = "ru" if rng.random() < 0.5 else "en"
    lines = []
    for region, denials in _DENIED[language]:
        found = sorted(there & region)
        lines += [_one(_SAID[language][concept], rng) for concept in found]
        if not found:
            lines.append(_one(denials, rng))
    if not there:
        lines.append(_one(_NORMAL[language], rng))
    text = " ".join(line for line in lines if line)
    return Report(language, text.upper() if rng.random() < 0.08 else text)


def _one(ways: tuple[str, ...], rng: np.random.Generator) -> str:
    return ways[int(rng.integers(len(ways)))]
