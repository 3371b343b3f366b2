"""Terms in reports, Russian and English: what is found, what is said of it, and where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.curation.cues import Status
from data.curation.match import highlighted, match_report, reading_of
from data.curation.sentences import sentences
from data.curation.terms import ConceptKind, Terms, compile_term, load_terms
from data.errors import CurationError

NINE = (
    "enlarged_heart", "enlarged_heart_shadow", "unfolded_aorta", "dense_aorta", "aortic_atherosclerosis",
    "aortic_arch_sclerosis", "diaphragm_relaxation", "scoliosis", "vascular_hila",
)  # fmt: skip
CONFOUNDERS = (
    "pneumosclerosis", "spondylosis", "emphysema", "fibrosis", "stringy_hila", "pleurodiaphragmatic_adhesions",
    "rib_deformity", "calcinosis", "pneumonia", "apical_overlays", "focal_shadows", "petrifications", "bronchitis",
    "increased_lung_pattern", "hila_changes", "tuberculosis",
)  # fmt: skip
TERMS = load_terms()

REPORTS = (
    (
        "The lungs are clear without focal consolidation, pneumothorax, or effusion. The heart is "
        "mildly enlarged and the aorta is tortuous and calcified.",
        "pneumonia:absent pneumothorax:absent pleural_effusion:absent enlarged_heart:present "
        "unfolded_aorta:present aortic_atherosclerosis:present",
    ),
    (
        "There is no pneumothorax or pleural effusion but stable cardiomegaly.",
        "pneumothorax:absent pleural_effusion:absent cardiomegaly:present",
    ),
    (
        "Cardiac and mediastinal contours are within normal limits. The lungs are clear. Bony "
        "structures are intact.",
        "enlarged_heart_shadow:absent",
    ),
    (
        "Heart size and mediastinal contour are normal.",
        "enlarged_heart:absent",
    ),
    (
        "No acute pulmonary disease. Aorta is mildly tortuous.",
        "normal_radiograph:present unfolded_aorta:present",
    ),
    (
        "Сердце не увеличено, дуга аорты уплотнена.",
        "enlarged_heart:absent dense_aorta:present",
    ),
    (
        "Аорта не расширена, не уплотнена.",
        "unfolded_aorta:absent dense_aorta:absent",
    ),
    (
        "Очаговых теней, инфильтрации, выпота нет.",
        "focal_shadows:absent pneumonia:absent pleural_effusion:absent",
    ),
    (
        "Инфильтративных теней не видно, корни сосудистые.",
        "pneumonia:absent vascular_hila:present",
    ),
    (
        "Убедительных данных за туберкулез не получено.",
        "tuberculosis:absent",
    ),
    (
        "Признаков пневмонии и плеврита не выявлено, сердце увеличено, аорта развернута.",
        "pneumonia:absent pleural_effusion:absent enlarged_heart:present unfolded_aorta:present",
    ),
    ("The aorta is dense.", "dense_aorta:present"),
    ("Dense thoracic aorta.", "dense_aorta:present"),
    ("Корни лёгких расширены за счёт сосудистого компонента.", "vascular_hila:present"),
    ("Корни лёгких не расширены.", "hila_changes:absent"),
    ("Сердце расширено влево.", "enlarged_heart:present"),
    ("СЕРДЦЕ УВЕЛИЧЕНО В РАЗМЕРАХ.", "enlarged_heart:present"),
    ("Сердце не расширено.", "enlarged_heart:absent"),
    ("Сердце не увеличено, аорта развернута.", "enlarged_heart:absent unfolded_aorta:present"),
    ("Тень сердца расширена в поперечнике.", "enlarged_heart_shadow:present"),
    ("Тень сердца не расширена.", "enlarged_heart_shadow:absent"),
    ("Расширение тени сердца влево.", "enlarged_heart_shadow:present"),
    ("Аорта уплотнена, развёрнута.", "dense_aorta:present unfolded_aorta:present"),
    ("Аорта развернута и уплотнена.", "dense_aorta:present unfolded_aorta:present"),
    ("Аорта не уплотнена.", "dense_aorta:absent"),
    ("Атеросклероз аорты.", "aortic_atherosclerosis:present"),
    ("Склероз дуги аорты.", "aortic_arch_sclerosis:present"),
    ("Дуга аорты склерозирована.", "aortic_arch_sclerosis:present"),
    ("Кальциноз дуги аорты.", "aortic_arch_sclerosis:present"),
    ("Релаксация правого купола диафрагмы.", "diaphragm_relaxation:present"),
    ("Данных за релаксацию купола диафрагмы нет.", "diaphragm_relaxation:absent"),
    ("Правосторонний сколиоз грудного отдела позвоночника 1 ст.", "scoliosis:present"),
    ("Сколиоза нет.", "scoliosis:absent"),
    ("Корни сосудистого характера.", "vascular_hila:present"),
    ("Корни расширены за счет сосудистого компонента.", "vascular_hila:present"),
    ("Корни структурны, не расширены.", "hila_changes:absent"),
    ("Корни расширены, уплотнены.", "hila_changes:present"),
    ("Талия сердца сглажена.", "smoothed_cardiac_waist:present"),
    ("Корни тяжисты, малоструктурны.", "stringy_hila:present hila_changes:present"),
    (
        "Легкие без очаговых и инфильтративных теней, сердце расширено.",
        "focal_shadows:absent pneumonia:absent enlarged_heart:present",
    ),
    ("Лёгкие без очаговых и инфильтративных изменений.", "focal_shadows:absent pneumonia:absent"),
    ("Плевральный выпот не выявлен.", "pleural_effusion:absent"),
    ("Плевральный выпот, пневмоторакс не выявлены.", "pleural_effusion:absent pneumothorax:absent"),
    ("Сердце расширено, выпот не выявлен.", "enlarged_heart:present pleural_effusion:absent"),
    ("Не выявлено плеврального выпота, пневмоторакса.", "pleural_effusion:absent pneumothorax:absent"),
    ("Выпота нет, сердце расширено.", "pleural_effusion:absent enlarged_heart:present"),
    ("Пневмоторакса нет, кардиомегалия.", "pneumothorax:absent cardiomegaly:present"),
    ("Нельзя исключить пневмонию.", "pneumonia:uncertain"),
    ("Пневмония не исключается.", "pneumonia:uncertain"),
    ("Кардиомегалия без динамики.", "cardiomegaly:present"),
    ("Инфильтрации нет, однако сердце расширено.", "pneumonia:absent enlarged_heart:present"),
    ("Туберкулёз в анамнезе.", "tuberculosis:historical"),
    ("Перенесенный туберкулез.", "tuberculosis:historical"),
    ("С целью исключения пневмонии.", "pneumonia:hypothetical"),
    ("Вероятно, левосторонняя пневмония.", "pneumonia:uncertain"),
    ("Пневмосклероз. Эмфизема лёгких.", "pneumosclerosis:present emphysema:present"),
    ("Плевродиафрагмальные спайки справа.", "pleurodiaphragmatic_adhesions:present"),
    ("Лёгочный рисунок усилен.", "increased_lung_pattern:present"),
    ("Легочный рисунок не усилен.", "increased_lung_pattern:absent"),
    ("Деформация 6 ребра справа.", "rib_deformity:present"),
    ("Апикальные наслоения с обеих сторон.", "apical_overlays:present"),
    ("Очаговые тени в верхней доле.", "focal_shadows:present"),
    ("Петрификаты в корне.", "petrifications:present"),
    ("Хронический бронхит.", "bronchitis:present"),
    ("Спондилёз грудного отдела.", "spondylosis:present"),
    ("Без патологии.", "normal_radiograph:present"),
    ("Патологических изменений не выявлено.", "normal_radiograph:present"),
    ("Сколеоз.", ""),
    ("Heart size is normal.", "enlarged_heart:absent"),
    ("The heart is enlarged.", "enlarged_heart:present"),
    ("The heart is not enlarged.", "enlarged_heart:absent"),
    ("Heart is normal in size and contour.", "enlarged_heart:absent"),
    ("Mild cardiomegaly.", "cardiomegaly:present"),
    (
        "No cardiomegaly, pleural effusion or pneumothorax.",
        "cardiomegaly:absent pleural_effusion:absent pneumothorax:absent",
    ),
    (
        "No pneumothorax, pleural effusion, or focal consolidation is seen.",
        "pneumothorax:absent pleural_effusion:absent pneumonia:absent",
    ),
    ("No pleural effusion, heart is enlarged.", "pleural_effusion:absent enlarged_heart:present"),
    ("No effusion but the aorta is tortuous.", "pleural_effusion:absent unfolded_aorta:present"),
    ("The thoracic aorta is tortuous and calcified.", "unfolded_aorta:present aortic_atherosclerosis:present"),
    ("Calcified aortic knob.", "aortic_arch_sclerosis:present"),
    (
        "Atherosclerotic calcifications of the aortic arch.",
        "aortic_atherosclerosis:present aortic_arch_sclerosis:present",
    ),
    ("No change in cardiomegaly.", "cardiomegaly:present"),
    ("Stable cardiomegaly without significant change.", "cardiomegaly:present"),
    ("Possible pneumonia in the left lower lobe.", "pneumonia:uncertain"),
    ("Pneumonia cannot be excluded.", "pneumonia:uncertain"),
    ("Cannot rule out pneumonia.", "pneumonia:uncertain"),
    ("Rule out pneumonia.", "pneumonia:hypothetical"),
    ("Indication: XXXX-year-old with pneumonia.", "pneumonia:hypothetical"),
    ("History of tuberculosis.", "tuberculosis:historical"),
    ("Pleural effusion is not seen.", "pleural_effusion:absent"),
    ("Elevated right hemidiaphragm.", "diaphragm_relaxation:present"),
    ("Eventration of the right hemidiaphragm.", "diaphragm_relaxation:present"),
    ("Thoracic scoliosis.", "scoliosis:present"),
    ("S-shaped scoliosis of the thoracic spine.", "scoliosis:present"),
    ("Prominent hilar vessels.", "vascular_hila:present"),
    ("Enlarged cardiac silhouette.", "enlarged_heart_shadow:present"),
    ("The cardiac silhouette is enlarged.", "enlarged_heart_shadow:present"),
    ("The cardiomediastinal silhouette is within normal limits.", "enlarged_heart_shadow:absent"),
    ("Heart size upper limits of normal.", "enlarged_heart:uncertain"),
    ("Borderline heart size.", "enlarged_heart:uncertain"),
    ("Heart normal and aorta enlarged.", "enlarged_heart:absent unfolded_aorta:present"),
    ("Heart and aorta are enlarged.", "enlarged_heart:present unfolded_aorta:present"),
    ("Lungs are clear. No acute cardiopulmonary abnormality.", "normal_radiograph:present"),
    ("Normal chest.", "normal_radiograph:present"),
    ("No evidence of active tuberculosis.", "tuberculosis:absent"),
    ("Pneumothorax is absent.", "pneumothorax:absent"),
    ("Pleural effusion has resolved.", "pleural_effusion:absent"),
    ("There is no scoliosis; the aorta is unfolded.", "scoliosis:absent unfolded_aorta:present"),
    ("Neither effusion nor pneumothorax.", "pleural_effusion:absent pneumothorax:absent"),
    ("Scolosis.", ""),
    ("В правом легком выпот не определяется, синусы свободны.", "pleural_effusion:absent"),
    ("В легких свежих очаговых и инфильтративных теней не выявлено.", "focal_shadows:absent pneumonia:absent"),
    ("Сердце: границы расширены влево.", "enlarged_heart:present"),
    ("Ни выпота, ни пневмоторакса.", "pleural_effusion:absent pneumothorax:absent"),
    ("Отсутствуют признаки пневмоторакса.", "pneumothorax:absent"),
    ("Признаки пневмоторакса отсутствуют.", "pneumothorax:absent"),
    ("В нижней доле справа не исключается инфильтрация.", "pneumonia:uncertain"),
    (
        "Heart size within normal limits. Tortuous thoracic aorta. No focal consolidation, pneumothorax "
        "or pleural effusion. Degenerative changes of the spine.",
        "enlarged_heart:absent unfolded_aorta:present pneumonia:absent pneumothorax:absent "
        "pleural_effusion:absent spondylosis:present",
    ),
    (
        "The cardiac silhouette and mediastinum size are within normal limits. There is no pulmonary "
        "edema. There is no focal consolidation. There are no XXXX of a pleural effusion. There is no "
        "evidence of pneumothorax.",
        "enlarged_heart_shadow:absent other_pathology:absent pneumonia:absent pleural_effusion:absent "
        "pneumothorax:absent",
    ),
    (
        "Borderline cardiomegaly. Midline sternotomy XXXX. Enlarged pulmonary arteries. Clear lungs. "
        "Inferior XXXX XXXX XXXX.",
        "cardiomegaly:uncertain other_pathology:present vascular_hila:present",
    ),
    (
        "No displaced rib fractures, pneumomediastinum, or pneumothorax.",
        "rib_deformity:absent other_pathology:absent pneumothorax:absent",
    ),
    (
        "The heart is mildly enlarged. There is scoliosis of the thoracic spine, convex to the right.",
        "enlarged_heart:present scoliosis:present",
    ),
    ("Calcified granuloma in the left lung.", "petrifications:present"),
    ("Hyperexpanded lungs, consistent with emphysema.", "emphysema:present"),
    (
        "В лёгких без видимых очаговых и инфильтративных изменений. Корни структурны. Синусы свободны. "
        "Диафрагма обычно расположена. Сердце обычной формы и размеров. Аорта не изменена.",
        "focal_shadows:absent pneumonia:absent hila_changes:absent pleural_effusion:absent "
        "diaphragm_relaxation:absent enlarged_heart:absent unfolded_aorta:absent",
    ),
    (
        "Сердце расширено за счет левого желудочка. Талия сердца сглажена. Аорта уплотнена, удлинена.",
        "enlarged_heart:present smoothed_cardiac_waist:present dense_aorta:present unfolded_aorta:present",
    ),
    ("Возможно наличие выпота справа.", "pleural_effusion:uncertain"),
    ("Подозрение на округлое образование.", "nodule:uncertain"),
    ("Рекомендовано исключить туберкулез.", "tuberculosis:hypothetical"),
    (
        "Направительный диагноз: пневмония. Сердце не увеличено и не расширено.",
        "pneumonia:hypothetical enlarged_heart:absent",
    ),
    ("S-образный сколиоз гр. отдела позвоночника.", "scoliosis:present"),
    ("CTR increased, 0.55.", "cardiomegaly:present"),
    ("КТИ 58%, увеличен.", "cardiomegaly:present"),
    ("Сколиоз?", "scoliosis:uncertain"),
    ("The heart is not normal in size.", "enlarged_heart:uncertain"),
    (
        "No pneumonia, pleural effusion, cardiomegaly noted in prior study.",
        "pneumonia:absent pleural_effusion:absent cardiomegaly:present",
    ),
    ("Mild scoliosis, no pleural effusion.", "scoliosis:present pleural_effusion:absent"),
    ("Cardiomegaly without pulmonary edema.", "cardiomegaly:present other_pathology:absent"),
    ("Кардиомегалия без признаков застоя.", "cardiomegaly:present other_pathology:absent"),
    ("Атеросклероз аорты, выпота нет.", "aortic_atherosclerosis:present pleural_effusion:absent"),
)


def said(text: str, terms: Terms = TERMS) -> str:
    return " ".join(sorted({f"{match.concept}:{match.status}" for match in match_report(text, terms)}))


@pytest.mark.parametrize(("report", "expected"), REPORTS)
def test_what_a_report_says(report: str, expected: str) -> None:
    assert said(report) == " ".join(sorted(expected.split()))


@pytest.mark.parametrize("concept", [*NINE, *CONFOUNDERS, "cardiomegaly", "nodule", "smoothed_cardiac_waist"])
def test_every_concept_has_terms_in_both_languages(concept: str) -> None:
    words = [term.source for term in TERMS[concept].terms if not term.absent]
    assert any("а" <= letter <= "я" for word in words for letter in word.lower())
    assert any("a" <= letter <= "z" for word in words for letter in word.lower())
    expected = ConceptKind.CONFOUNDER if concept in CONFOUNDERS else ConceptKind.FINDING
    assert TERMS[concept].kind is expected


def test_matches_stand_in_the_text_as_it_was_given() -> None:
    report = "Аорта уплотнена,\n развЁрнута.  Выпот НЕ выявлен."
    matches = match_report(report, TERMS)
    assert [(match.concept, match.text) for match in matches] == [
        ("dense_aorta", "Аорта уплотнена"),
        ("unfolded_aorta", "Аорта уплотнена,\n развЁрнута"),
        ("pleural_effusion", "Выпот"),
    ]
    for match in matches:
        assert report[match.start : match.end] == match.text
        assert match.sentence[0] <= match.start < match.end <= match.sentence[1]
    effusion = matches[2]
    assert effusion.negated
    assert effusion.cue is not None
    assert report[slice(*effusion.cue)] == "НЕ выявлен"
    assert [report[slice(*place)] for place in matches[1].words] == ["Аорта", "развЁрнута"]


def test_a_report_is_shown_whole_with_its_matches() -> None:
    report = "No effusion. The heart is enlarged."
    segments = highlighted(report, match_report(report, TERMS))
    assert "".join(segment.text for segment in segments) == report
    assert [(s.text, s.concept, s.status) for s in segments if s.concept] == [
        ("effusion", "pleural_effusion", Status.ABSENT),
        ("heart is enlarged", "enlarged_heart", Status.PRESENT),
    ]


@given(st.lists(st.sampled_from([text for text, _ in REPORTS]), max_size=4), st.text(max_size=12))
def test_any_report_is_shown_whole(parts: list[str], noise: str) -> None:
    report = noise.join(parts)
    matches = match_report(report, TERMS)
    assert "".join(segment.text for segment in highlighted(report, matches)) == report
    assert all(report[match.start : match.end] == match.text for match in matches)


def test_a_report_adds_up() -> None:
    reading = reading_of(
        match_report("Выпота нет. Возможно, пневмония. Сколиоз. Ранее выпот. Для исключения туберкулеза.", TERMS)
    )
    assert reading.present == {"scoliosis"}
    assert reading.uncertain == {"pneumonia", "pleural_effusion"}
    assert reading.absent == frozenset()


def test_sentences_end_where_they_end() -> None:
    text = "Сколиоз гр. отдела 1 ст. влево.Сердце не расширено; норма! КТИ 0.52. Конец"
    assert [text[slice(*span)] for span in sentences(text)] == [
        "Сколиоз гр. отдела 1 ст. влево.", "Сердце не расширено;", "норма!", "КТИ 0.52.", "Конец",
    ]  # fmt: skip


def test_the_notation_of_terms() -> None:
    either = compile_term("сердц* + увеличен*|расширен*")
    assert len(either.patterns) == 2
    assert either.may_match("тень сердца увеличена")
    assert not either.may_match("сердце обычное")
    with pytest.raises(CurationError, match="regular expression"):
        compile_term("re:(", field="x.ru")
    with pytest.raises(CurationError, match="does not match an empty text"):
        compile_term("re:a*")
    with pytest.raises(CurationError, match="between words"):
        compile_term("сердц* ..")
    assert compile_term(r"re:кти\s*\d+").patterns[0].search("КТИ 58")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a]\ntitle='A'\nkind='organ'\nen=['x']", r"a\.kind"),
        ("[a]\nkind='finding'\nen=['x']", r"a\.title"),
        ("[a]\ntitle='A'\nkind='finding'\nen='x'", r"a\.en"),
        ("[a]\ntitle='A'\nkind='finding'\nen=['x +']", r"a\.en"),
        ("[a]\ntitle='A'\nkind='finding'\nde=['x']", r"a\.de"),
        ("[a]\ntitle='A'\nkind='finding'", r"a\.ru"),
        ("[A]\ntitle='A'", "the name 'A'"),
        ("a = 1", "a table"),
        ("", "one table a concept"),
        ("[a", "cannot be read"),
    ],
)
def test_wrong_terms_are_refused_by_field(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "terms.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CurationError, match=message):
        load_terms(path)


def test_terms_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "terms.toml"
    path.write_text('[valve]\ntitle = "Valve"\nkind = "confounder"\nru = ["клапан*"]\nen = ["valve"]\n', "utf-8")
    own = load_terms(path)
    assert said("Искусственный клапан. No valve.", own) == "valve:absent valve:present"
    assert own.digest != TERMS.digest
    assert load_terms().digest == TERMS.digest
    with pytest.raises(CurationError, match="no such concept"):
        own["aorta"]
