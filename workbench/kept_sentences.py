"""The templates of the sentences that are kept in English: reasons, verdicts, how far work is.

``{1}``, ``{2}`` ... stand for what a sentence is filled with; what is filled in may be of a template itself. The
parts of a sentence that is put together are templates of their own. Errors need none: the catalogue reads them.
"""

from __future__ import annotations

from workbench.language import N_, NP_

REASONS = (
    N_("no model has seen it yet"),
    N_("audit: cleared without a reader, drawn at random to be checked"),
    N_("the model is undecided"),
    N_("the model is undecided about {1}"),
    N_("the model is undecided on page {1}"),
    N_("the model is undecided at {1}"),
    N_("the model is undecided in lesion {1}"),
    N_("among the least certain of those left"),
    N_("among the least certain of those left about {1}"),
    N_("among the least certain of those left on page {1}"),
    N_("among the least certain of those left at {1}"),
    N_("among the least certain of those left in lesion {1}"),
    N_("{1} on page {2}"),
    N_("{1} at {2}"),
    N_("{1} in lesion {2}"),
    N_("least certain about {1}"),
    N_("the model"),
    N_("drawn at random for the {1} set"),
    N_("here for the quota {1}"),
    N_("at least {1} {2}"),
    N_("at most {1} {2}"),
    N_("at least {1} and at most {2} {3}"),
    N_("drawn at random"),
    N_("drawn at random: the pool is one group"),
    N_("drawn at random from its group, {1} of {2} cases of the pool"),
    N_("drawn at random: nothing is left that would change the model in another way"),
    N_("the answer that would change the model most: {1} times the usual change"),
    N_("without any doubt of the model, to stand for those like it"),
    N_("would change the model in another way than those chosen before: {1} times the usual change apart"),
    N_("{1} (one model alone: its entropy)"),
    N_("nothing more disputed is left: the models were asked nothing here"),
    N_("disputed"),
    N_("disputed about {1}"),
    N_("among the most disputed of those left"),
    N_("among the most disputed of those left about {1}"),
    N_("{1} models give one option between {2} and {3}"),
    N_("drawn at random: nothing is known of what the cases show"),
    N_("drawn at random among cases that likely show something ({1})"),
    N_("drawn at random among all cases"),
    N_("the first, drawn at random: nothing was read yet"),
    N_("like cases that were read or chosen: nothing that is unlike them is left"),
    N_("unlike anything read or chosen so far: {1} times the usual distance to the nearest read case"),
    N_("among the least like those read or chosen: {1} times the usual distance to the nearest read case"),
    N_("unlike those chosen before it: {1} times the usual distance between two cases"),
    N_("the answer is likely to be wrong"),
    N_("it likely shows something"),
    N_("it is unlike the cases that were read"),
    N_("wanted {1} times as much as the usual case"),
    N_("typical of a group of {1} case of which none was read"),
    N_("typical of a group of {1} cases of which none was read"),
    N_("typical of a group of {1} cases of which {2} was read"),
    N_("typical of a group of {1} cases of which {2} were read"),
    N_("the next most typical of a group of {1} cases of which none was read"),
    N_("the next most typical of a group of {1} cases of which {2} was read"),
    N_("the next most typical of a group of {1} cases of which {2} were read"),
    N_("drawn at random: no model has seen the cases yet"),
    N_("nothing more doubtful is left: the model was asked nothing here"),
    N_("undecided"),
    N_("undecided about {1}"),
    N_("{1} of 1"),
    N_("the likeliest of {1} options has {2}"),
    N_("the two likeliest options are {1} apart"),
    N_("stranger than every known case"),
    N_("stranger than {1} of 100 known cases"),
)
"""Why a case is in a batch: :mod:`active_learning.acquisition_reasons`, the ways to choose, the quotas."""

READS = (
    N_("not read yet"),
    N_("read once"),
    N_("read twice"),
    N_("read {1} times"),
    N_("{1} says {2} where the panel says {3} on {4} of cases"),
    N_("{1} grades one step higher than the panel on {2} of cases"),
    N_("{1} grades one step lower than the panel on {2} of cases"),
    N_("the model {1}"),
    N_("the label says {1}, a model trained on other patients {2}"),
    N_("{1}: too few reads"),
    N_("grades higher than the panel"),
    N_("grades lower than the panel"),
    N_("says {1} where the panel does not"),
    N_("says {1} where the panel says {2}"),
    N_("marked"),
    N_("not marked"),
    N_("outlines by {1}"),
)
"""What readers and panel said: :mod:`active_learning.suspicion`, ``next_read`` ..."""

AGREEMENT = (
    NP_("agreement", "almost perfect"),
    NP_("agreement", "substantial"),
    NP_("agreement", "moderate"),
    NP_("agreement", "fair"),
    NP_("agreement", "slight"),
    NP_("agreement", "poor"),
)
"""How far readers agree: :func:`active_learning.agreement.band`. Grades of findings have some of the words too."""

VERDICTS = (
    N_("Better: {1}"),
    N_("Not better: {1}"),
    N_("Not enough evidence: {1}"),
    N_("Held back: {1}, but worse {2}"),
    N_("{1} on {2} patients"),
    N_("{1} ({2} CI {3} to {4}) on {5} patients"),
    N_("{1} (no interval) on {2} patients"),
    N_("{1} of {2} {3} ({4} CI {5} to {6}) on {7} patients"),
    N_("mean AUC"),
    N_("mean kappa"),
    N_("mean AUC {1}"),
    N_("mean kappa {1}"),
    N_("not worse in {1} guarded metric"),
    N_("not worse in {1} guarded metrics"),
    N_("not worse in any of the {1} subgroup"),
    N_("not worse in any of the {1} subgroups"),
    N_("not worse in the {1} subgroup that can be judged, {2} is too small to say"),
    N_("not worse in the {1} subgroup that can be judged, {2} are too small to say"),
    N_("not worse in the {1} subgroups that can be judged, {2} is too small to say"),
    N_("not worse in the {1} subgroups that can be judged, {2} are too small to say"),
    N_("{1} subgroup is too small to be judged"),
    N_("{1} subgroups are too small to be judged"),
    N_("a gain of {1} is ruled out"),
    N_("the lower bound must exceed {1}"),
    N_("{1}, but not shown to be no worse {2}"),
    N_("in {1} within {2}"),
    N_("by {1} within {2}"),
    N_("in {1}"),
    N_("by {1}"),
    N_("{1}, and {2} more"),
    N_("about {1} test patients would settle it"),
    N_("{1} test patients with a reference and both answers, {2} are needed"),
    N_("{1} test patients of the rarest class, {2} are needed"),
    N_("the metric is undefined"),
    N_("the difference is undefined in too many resamples"),
    N_("it has too few patients"),
    N_("it cannot be had: {1}"),
    N_("{1} cannot be had: {2}"),
)
"""How a candidate compared: :mod:`active_learning.promotion_words` and what it speaks of."""

TRIAGE = (
    N_("no operating point holds for the champion"),
    N_("the champion has not predicted it"),
    N_("its probability of pathology lies below the operating point"),
    N_("its probability of pathology reaches the operating point"),
    N_("the champion says nothing of pathology in it"),
    N_("an open round asks for it"),
    N_("it is held: {1}"),
    N_("the patient belongs to those drawn at random for the {1} set"),
    N_("the champion has learnt from the patient"),
    N_("clearing is stopped: {1}"),
    N_("the model's answer on {1} fits none of the calibration patients"),
    N_("the reader says {1}, where the model leaves {2} alone"),
    N_("{1} readers say {2}, where the model leaves {3} alone"),
    N_("it looks {1} of the calibration set"),
    N_("the operating point was made from phantoms alone"),
    N_(
        "Of {1} cleared patients who were read all the same, {2} show pathology: a miss rate of {3} ({4} to {5}) "
        "where {6} was promised."
    ),
    N_(
        "The scores of {1} new patients are not those of the calibration patients: population stability index "
        "{2}, Kolmogorov-Smirnov {3} (p {4})."
    ),
    N_(
        "{1} of {2} new patients have images unlike those of the calibration patients, of whom {3} of {4} have "
        "images unlike those of the others (p {5})."
    ),
)
"""What triage says: :mod:`active_learning.triage`, ``triage_looks``, ``watch``."""

WORK = (
    N_("comparing outlines"),
    N_("disagreements"),
    N_("drawing"),
    N_("fetching answers"),
    N_("looking at the studies"),
    N_("reading the file"),
    N_("sending cases to the readers"),
    N_("starting Label Studio"),
    N_("comparing {1} pages with {2}"),
    N_("fold {1} of {2}: {3}"),
    N_("making {1} phantoms"),
    N_("measuring {1}"),
    N_("predicting with {1}"),
    N_("preparing study {1} of {2}"),
    N_("{1}: preparing"),
    N_("{1} of {2} chest CTs"),
    N_("{1} of {2} radiographs"),
    N_("{1} of {2} spines"),
    N_("{1} of {2} files"),
    N_("{1} of {2} studies"),
    N_("{1}: a linear head"),
    N_("{1} of {2} pairs that look alike"),
    N_("{1}: {2}, epoch {3} of {4}"),
    N_("{1} reads"),
    N_("{1} of {2} series looked at"),
    N_("{1} of {2} parts"),
    N_("loop {1} of {2}, {3}"),
    N_("start"),
    N_("{1}, round {2} of {3}"),
)
"""How far work is."""
