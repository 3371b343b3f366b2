"""Names that the configuration and the records hold in English: measurements, ways to choose, terms of reports.

Like the sentences of :mod:`workbench.kept_sentences` they are marked here, since what holds them shows nothing.
"""

from __future__ import annotations

from workbench.language import N_

MEASURED = (
    N_("absolute washout"), N_("relative washout"), N_("mean hu unenhanced"), N_("volume"), N_("long diameter"),
    N_("short diameter"), N_("off midline"), N_("canal ap diameter"), N_("canal area"), N_("canal width"),
    N_("disc bulge"), N_("herniation ap"), N_("herniation area"), N_("herniation width"), N_("recess asymmetry"),
    N_("sac ap diameter"), N_("sac area"), N_("sac area loss"), N_("sac to canal ap diameter"),
    N_("sac to canal area"), N_("sac width"), N_("anomaly"), N_("classifier probability"), N_("decision score"),
    N_("suspicion"),
)  # fmt: skip
"""What versions measure: :mod:`models.lesion_measures`, :mod:`models.spine.measures`, ``chest_scores``."""

NOTES = (
    N_("portal venous to delayed"),
    N_("off midline: above 0 to the patient's left"),
    N_("left {1} mm2, right {2} mm2"),
    N_("against {1} mm2, the size interpolated from the unaffected {2} of this patient"),
    N_("{1} and {2}"),
    N_("Normalised reconstruction error of the autoencoder inside the lungs: {1} is the {2} percentile of normal "
       "validation studies."),
    N_("It gave the decision score."),
    N_("The classifier's logit on the same scale."),
    N_("The larger of anomaly and suspicion; pathology from {1} on."),
    N_("Probability of pathology by the classifier alone, calibrated on validation patients."),
)  # fmt: skip
"""What stands beside a measurement."""

WAYS = (
    N_("random"), N_("stratified"), N_("foreground random"), N_("least confidence"), N_("margin"), N_("entropy"),
    N_("bald"), N_("k centre"), N_("badge"), N_("typiclust"), N_("mix"), N_("the first version of the task"),
)  # fmt: skip
"""Ways to choose cases (:mod:`active_learning.strategies`), and why there was a first champion."""

TERMS = (
    N_("Enlarged heart"), N_("Enlarged heart shadow"), N_("Unfolded aorta"), N_("Dense aorta"),
    N_("Aortic atherosclerosis"), N_("Aortic arch sclerosis"), N_("Diaphragm relaxation"),
    N_("Relaxation of the diaphragm"), N_("Scoliosis"), N_("Vascular hila"), N_("Smoothed cardiac waist"),
    N_("Cardiomegaly"), N_("Pleural effusion"), N_("Nodule"), N_("Pneumothorax"), N_("Pneumosclerosis"),
    N_("Spondylosis"), N_("Emphysema"), N_("Fibrosis"), N_("Stringy (fibrotic) hila"),
    N_("Pleurodiaphragmatic adhesions"), N_("Rib deformity"), N_("Calcinosis"), N_("Pneumonia"),
    N_("Apical overlays"), N_("Focal shadows"), N_("Petrifications"), N_("Bronchitis"),
    N_("Increased lung pattern"), N_("Changes of the hila"), N_("Tuberculosis"), N_("Other pathology"),
    N_("Normal radiograph"),
)  # fmt: skip
"""Titles of the terms of reports (``configs/curation/terms.toml``) and of curated findings."""
