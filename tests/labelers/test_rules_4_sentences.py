"""What `rules@4` reads and `rules@3` did not; and sentences near them, in which nothing may be read otherwise.

They were written by someone who had not seen the rules: of 591 sentences `rules@3` read 541 as they are meant, and of
271 more, aimed at its misses, 168.
"""

from typing import Any

import numpy as np
import pytest

from rrgbench.labelers import StandardLabeler, load
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED
from rrgbench.scoring.protocols import Protocol

P, N, U, X = POSITIVE, NEGATIVE, UNCERTAIN, UNMENTIONED
NAMES = ("nf", "ec", "cm", "ll", "lo", "ed", "co", "pn", "at", "px", "pe", "po", "fx", "sd")

KINDS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "devices": [
        ("The nasogastric tube is not seen beyond the mid esophagus.", {"sd": P}),
    ],
    "run on / punctuation": [
        ("No pneumothorax , the left lung base is opacified .", {"px": N, "lo": P}),
    ],
    "doubt words": [
        ("Query small right effusion.", {"pe": U}),
    ],
    "resolution": [
        ("Interval clearance of the left lower lobe consolidation.", {"co": N}),
        ("Edema, which has resolved.", {"ed": N}),
        ("Clearance of left base consolidation.", {"co": N}),
        ("The right effusion, seen previously, has resolved.", {"pe": N}),
        ("The left effusion, which was seen on the prior study, has resolved.", {"pe": N}),
        ("Left pneumothorax, seen on prior study, is no longer visible.", {"px": N}),
        ("Pneumonia which has since resolved.", {"pn": N}),
        ("Edema has cleared almost entirely.", {"ed": (P, U)}),
        ("The effusion is practically gone.", {"pe": (P, U)}),
    ],
    "structured": [
        ("Effusion: N", {"pe": N}),
        ("Pneumonia: unlikely", {"pn": (N, U)}),
        ("Pneumonia: possible", {"pn": U}),
        ("Pleural Effusion: 0\nPneumothorax: 0\nCardiomegaly: 1", {"pe": N, "px": N, "cm": P}),
        ('{"Pneumothorax": "absent", "Pleural Effusion": "present"}', {"px": N, "pe": P}),
        ("Pneumothorax: No Pleural effusion: Yes Cardiomegaly: No", {"px": N, "pe": P, "cm": N}),
        ("Pneumonia: Cannot be excluded", {"pn": U}),
        ("Consolidation: uncertain", {"co": U}),
        (
            "Positive findings: cardiomegaly, left effusion. Negative findings: pneumothorax, consolidation.",
            {"cm": P, "pe": P, "px": N, "co": N},
        ),
        ("Absent: pneumothorax, effusion.", {"px": N, "pe": N}),
        ("No: pneumothorax, effusion, fracture.", {"px": N, "pe": N, "fx": N}),
        ("Pneumonia: possible.\nEffusion: none.", {"pn": U, "pe": N}),
        ("Pneumothorax: N", {"px": N}),
        ("Pneumothorax: n/a", {"px": (N, X)}),
        ("Consolidation: suspected", {"co": U}),
        ("Pneumonia: suspected in the right lower lobe.", {"pn": U}),
        ("Pneumonia: Unlikely.", {"pn": (N, U)}),
        ("Pneumonia - unlikely", {"pn": (N, U)}),
        ("Pneumonia: questionable", {"pn": U}),
        ("Pneumonia: not excluded", {"pn": U}),
        ("Pneumonia: less likely", {"pn": (U, N)}),
        ("Pleural effusion: indeterminate", {"pe": U}),
        ("Pleural effusion: unclear", {"pe": U}),
        ("Pleural effusion: False", {"pe": N}),
        ("Pneumothorax: excluded", {"px": N}),
        ("Pneumothorax: resolved", {"px": N}),
        ("Pneumothorax: ruled out", {"px": N}),
        ("Pneumothorax: no longer seen", {"px": N}),
        (
            "| Finding | Said |\n| --- | --- |\n| Cardiomegaly | Absent |\n| Edema | Mild |\n| Pneumonia | Possible |",
            {"cm": N, "ed": P, "pn": U},
        ),
        (
            "| Cardiomegaly | Negative |\n| Pleural effusion | Positive |\n| Pneumothorax | Uncertain |",
            {"cm": N, "pe": P, "px": U},
        ),
        ("Pertinent negatives: pneumothorax, effusion.", {"px": N, "pe": N}),
        ("Not seen: pneumothorax, pleural effusion.", {"px": N, "pe": N}),
        ("No evidence of the following: pneumothorax, effusion.", {"px": N, "pe": N}),
        ("No evidence of:\n- pneumothorax\n- effusion\n- consolidation", {"px": N, "pe": N, "co": N}),
        ("There is no:\n- pneumothorax\n- pleural effusion", {"px": N, "pe": N}),
        ("Cardiomegaly: No Edema: No Atelectasis: Yes", {"cm": N, "ed": N, "at": P}),
    ],
    "a cue behind reaches back over commas and 'and'": [
        ("The pneumothorax, present on the prior exam, has resolved.", {"px": N}),
    ],
    "indication / history": [
        ("INDICATION: Pneumonia. FINDINGS: The lungs are clear.", {"pn": (N, U, X)}),
        ("History: CHF. Findings: No pulmonary edema.", {"ed": (N, U)}),
    ],
    "removal": [
        ("Pacemaker has been explanted.", {"sd": N}),
        ("The central line has been taken out.", {"sd": N}),
        ("Previously seen chest tube has been pulled.", {"sd": N}),
        ("The tip of the NG tube is not visualized.", {"sd": P}),
        ("The tip of the PICC line is not clearly seen.", {"sd": P}),
        ("Side port of the enteric tube is not seen below the diaphragm.", {"sd": P}),
        ("The distal end of the catheter is not well seen.", {"sd": P}),
    ],
    "versus": [
        ("Nodule versus nipple shadow.", {"ll": U}),
    ],
    "nearly resolved": [
        ("Virtually complete resolution of the pneumonia.", {"pn": (P, U)}),
    ],
    "exceptions": [
        ("No pneumothorax except possibly a tiny right apical component.", {"px": U}),
        ("No other abnormality besides cardiomegaly.", {"cm": P}),
        ("No evidence of pneumothorax, apart from a tiny apical component.", {"px": P}),
        ("No effusion, except possible trace fluid on the left.", {"pe": U}),
    ],
    "concession": [
        ("Despite the absence of effusion, atelectasis is present.", {"pe": N, "at": P}),
    ],
    "recommendations": [
        ("Follow-up radiographs are recommended to ensure resolution of pneumonia.", {"pn": (P, U)}),
    ],
    "negated doubts": [
        ("Does not exclude underlying pneumonia.", {"pn": U}),
    ],
    "nil / free of / without": [
        ("Nil focal consolidation.", {"co": N}),
        ("Nil pneumothorax or effusion.", {"px": N, "pe": N}),
        ("Zero pleural effusions.", {"pe": N}),
    ],
    "double negation": [
        ("Not without atelectasis.", {"at": P}),
        ("The lungs are not free of consolidation.", {"co": P}),
        ("Absence of improvement in the edema.", {"ed": P}),
    ],
    "reports": [
        ("There is stable prominence of the right hilum. No mass is seen.", {"ll": N, "nf": X}),
    ],
    "lesions / opacity": [
        ("No atelectatic changes.", {"at": N}),
    ],
    "ensure resolution / recommendations": [
        (
            "Recommend follow-up chest radiograph in 6 weeks to document resolution of the right lower lobe pneumonia.",
            {"pn": (P, U)},
        ),
        ("Repeat radiograph after treatment to confirm clearing of consolidation.", {"co": (P, U)}),
    ],
    "despite absence / concession": [
        ("With no effusion, atelectasis is seen at the base.", {"pe": N, "at": P}),
        ("Despite no effusion, atelectasis is present.", {"pe": N, "at": P}),
    ],
    "doubted exclusion": [
        ("This does not exclude pneumonia.", {"pn": U}),
        ("Absence of consolidation does not exclude pneumonia.", {"pn": U, "co": N}),
        ("Normal radiograph does not exclude rib fracture.", {"fx": U}),
        ("Supine technique does not exclude pneumothorax.", {"px": U}),
        ("Subtle pneumonia may be missed.", {"pn": U}),
        ("A small pneumothorax could be missed on supine film.", {"px": U}),
        ("Effusion cannot be confirmed.", {"pe": U}),
        ("Nodule vs. vessel on end.", {"ll": U}),
        ("Skin fold versus pneumothorax.", {"px": U}),
        ("Pneumothorax versus skin fold.", {"px": U}),
        ("Pneumonia is not favored.", {"pn": (U, N)}),
        ("Pneumonia is doubtful.", {"pn": (U, N)}),
    ],
    "indication": [
        ("INDICATION: Pneumonia.", {"pn": (U, X, N)}),
        ("INDICATION: pneumothorax\nFINDINGS: No pneumothorax.", {"px": (N, U)}),
        ("INDICATION: CHF, effusion. FINDINGS: Normal heart. Clear lungs. No effusion.", {"cm": (N, U), "pe": (N, U)}),
        ("Clinical information: pneumonia. Findings: Lungs clear.", {"pn": (U, X, N)}),
        ("REASON FOR EXAMINATION: Pleural effusion.", {"pe": (U, X, N)}),
        ("History: 54 year old female with pneumonia. FINDINGS: The lungs are clear.", {"pn": (U, X, N)}),
        ("History: M with cough // eval for pneumonia. FINDINGS: No consolidation.", {"pn": (U, X, N), "co": N}),
        ("COMPARISON: Chest radiograph with pneumothorax. FINDINGS: No pneumothorax.", {"px": N}),
        ("FINDINGS: Lungs clear. No effusion. CLINICAL INDICATION: Pneumonia.", {"pn": (U, X, N), "pe": N}),
        ("IMPRESSION: No acute disease. INDICATION: Pneumothorax follow-up.", {"px": (U, X, N)}),
        ("TECHNIQUE: PA and lateral. HISTORY: Rib fracture. FINDINGS: No fracture seen.", {"fx": (N, U)}),
    ],
    "nil/zero/not free etc": [
        ("Nil pleural effusion.", {"pe": N}),
        ("Nil evidence of pneumonia.", {"pn": N}),
        ("Nil acute fracture.", {"fx": N}),
        ("Non-visualization of the previously seen effusion.", {"pe": (N, U)}),
        ("Pneumothorax has not developed.", {"px": N}),
        ("Pneumothorax has not recurred.", {"px": N}),
        ("The effusion has not recurred.", {"pe": N}),
    ],
    "run on": [
        ("No consolidation, just atelectasis.", {"co": N, "at": P}),
        ("No consolidation, only mild atelectasis.", {"co": N, "at": P}),
        ("More likely atelectasis than pneumonia.", {"at": (P, U), "pn": (U, N)}),
    ],
    "crowd of words": [
        ("The lungs are opacified bilaterally.", {"lo": P}),
        ("Left hemithorax is opacified.", {"lo": P}),
        ("The left base is opacified.", {"lo": P}),
        ("No atelectatic change.", {"at": N}),
        ("Prominence of the right hilum, stable.", {"nf": X}),
        ("Air under the diaphragm.", {"nf": X}),
    ],
    "by a second reader, of whose 586 sentences rules@3 misread 46 and rules@4 as it was then 16": [
        ("Enteric tube tip is not seen but courses below the diaphragm.", {"sd": P}),
        ("The side port of the nasogastric tube is not seen.", {"sd": P}),
        ("Right PICC tip is not well seen.", {"sd": P}),
        ("The chest tube has been pulled.", {"sd": N}),
        ("The heart is smaller than before but remains enlarged.", {"cm": P}),
        ("Follow-up radiographs in 6 weeks to document resolution of pneumonia.", {"pn": (P, U)}),
        ("Recommend follow-up to ensure resolution of the left lower lobe consolidation.", {"co": (P, X, U)}),
        ("Small left effusion, not seen previously.", {"pe": P}),
        ("Edema: Possible", {"ed": U}),
        ("Pneumonia: uncertain", {"pn": U}),
        ("Effusion: N, Pneumothorax: N, Cardiomegaly: Y", {"pe": N, "px": N, "cm": P}),
        ("Pleural effusions: zero", {"pe": N}),
        ("Pleural effusion: 0", {"pe": N}),
        (
            '{"Cardiomegaly": "absent", "Pleural Effusion": "present", "Pneumothorax": "absent"}',
            {"cm": N, "pe": P, "px": N},
        ),
        ('{"pleural_effusion": "none", "consolidation": "left lower lobe"}', {"pe": N, "co": P}),
        ('{"cardiomegaly": false, "edema": true, "pneumothorax": false}', {"cm": N, "ed": P, "px": N}),
        ("No Finding: 0, Cardiomegaly: 1, Edema: 0", {"cm": P, "ed": N}),
        ("Interval removal of Swan-Ganz catheter, other lines unchanged.", {"sd": P}),
        ("Skin fold versus small pneumothorax.", {"px": U}),
        ("No pleural effusion, with the exception of trace fluid on the left.", {"pe": P}),
        ("No evidence of:\n- pneumothorax\n- pleural effusion\n- consolidation", {"px": N, "pe": N, "co": N}),
        ("There is no:\n* pneumothorax\n* effusion", {"px": N, "pe": N}),
        ("Negative for:\n1. Pneumonia\n2. Pneumothorax", {"pn": N, "px": N}),
        ("The following are not seen: pneumothorax, effusion, consolidation.", {"px": N, "pe": N, "co": N}),
        ("No:\n- effusion\n- pneumothorax\n\nImpression: Cardiomegaly.", {"pe": N, "px": N, "cm": P}),
        ("Consider CT for further evaluation of the mediastinal widening.", {"ec": P}),
        ("Effusion has not developed.", {"pe": N}),
        ("Nil effusion.", {"pe": N}),
        ("Nil focal consolidation or pneumothorax.", {"co": N, "px": N}),
        ("Zero evidence of pneumothorax.", {"px": N}),
        ("There are zero effusions.", {"pe": N}),
        ("Lungs: nil acute. Pleura: nil effusion. Heart: enlarged.", {"pe": N}),
        ("There is a left effusion which has now resolved.", {"pe": N}),
        ("The pneumothorax, which was seen previously, has resolved.", {"px": N}),
        ("A right pneumothorax, which is no longer visible.", {"px": N}),
        ("Left lung has collapsed.", {"at": P}),
        ("Layering effusion on the left, none on the right.", {"pe": P}),
        ("Left IJ line has been withdrawn to the brachiocephalic vein.", {"sd": P}),
        ("Effusion, if present, is small.", {"pe": U}),
        ("Subtle right basilar opacity; pneumonia is not certain.", {"lo": P, "pn": U}),
        ("The cardiac silhouette, although enlarged, is stable.", {"cm": P}),
        ("Heart size is slightly smaller but still enlarged.", {"cm": P}),
        ("Effusion on the right, none on the left.", {"pe": P}),
        ("Right apical pneumothorax, not present previously.", {"px": P}),
        ("New nodule, not seen before.", {"ll": P}),
        ("Left upper lobe consolidation, previously absent.", {"co": P}),
        ("Negative for:\n- Pneumonia\n- Pneumothorax", {"pn": N, "px": N}),
        ("No evidence of the following:\n1. Pneumonia\n2. Effusion", {"pn": N, "pe": N}),
        ("Absent findings: pneumothorax, effusion", {"px": N, "pe": N}),
        ("Findings absent:\n- Pneumothorax\n- Effusion", {"px": N, "pe": N}),
        ("Not present: effusion, pneumothorax", {"pe": N, "px": N}),
        ("Present: effusion. Absent: pneumothorax.", {"pe": P, "px": N}),
        ("Edema: 0\nEffusion: 1\nCardiomegaly: 1", {"ed": N, "pe": P, "cm": P}),
        ("Cardiomegaly: 1, Edema: 0, Effusion: 1", {"cm": P, "ed": N, "pe": P}),
        ("No Finding: 0\nCardiomegaly: 1\nEdema: 0", {"cm": P, "ed": N}),
        ("Pleural effusion: resolved", {"pe": N}),
        ("Pleural effusion: cannot be excluded", {"pe": U}),
        ("Pneumothorax: false. Effusion: true.", {"px": N, "pe": P}),
        ('{"Pneumothorax": false, "Pleural Effusion": true}', {"px": N, "pe": P}),
        ('{"pneumothorax": 0, "edema": 1, "cardiomegaly": 0}', {"px": N, "ed": P, "cm": N}),
        ('{"edema": "No", "effusion": "Yes"}', {"ed": N, "pe": P}),
        ("pneumothorax=0; effusion=1; edema=0", {"px": N, "pe": P, "ed": N}),
        ("Pneumothorax was present on the prior film but is not seen today.", {"px": N}),
        ("Removal of NG tube, remaining support devices unchanged.", {"sd": P}),
        ("No consolidation, albeit limited by a large effusion.", {"co": N, "pe": P}),
        ("Consider diuresis for the pulmonary edema.", {"ed": P}),
        ("Consider CT for better characterization of the left lung mass.", {"ll": P}),
        ("Consider placing a chest tube for the pneumothorax.", {"px": P}),
        ("No less than three rib fractures.", {"fx": P}),
        ("No fewer than 5 nodules.", {"ll": P}),
        ("The right upper lobe is collapsed.", {"at": P}),
        ("The right lung is completely collapsed by a large pneumothorax.", {"at": P, "px": P}),
        ("The right lower lobe has partially collapsed.", {"at": P}),
        ("Opacity which has cleared.", {"lo": N}),
        ("Pleural effusion: no longer small, now moderate.", {"pe": P}),
        ("Cardiomegaly: not new", {"cm": P}),
        ("Absence of change in the left effusion.", {"pe": P}),
        ("COMPARISON: Chest radiograph ___ showed pneumonia. FINDINGS: Resolved pneumonia.", {"pn": N}),
        (
            "INDICATION: Pneumonia. FINDINGS: Lungs are clear. No effusion. IMPRESSION: No pneumonia.",
            {"pn": N, "pe": N},
        ),
        ("There is no resolution of the pneumothorax.", {"px": P}),
        ("If only one view is obtained, effusion may be missed. No effusion here.", {"pe": (N, U)}),
        ("Removed: chest tube", {"sd": N}),
        ("Effusion removed by thoracentesis with trace residual.", {"pe": P}),
        ("Pneumothorax: 0.8 cm at the apex.", {"px": P}),
        ("Effusion: 0.5 cm in thickness.", {"pe": P}),
        ("Left effusion, thoracentesis is suggested.", {"pe": P}),
        ("No Finding: 0, Cardiomegaly: 1, Pneumothorax: 1, Edema: 0", {"cm": P, "px": P, "ed": N}),
        ("Severe ARDS.", {"nf": X}),
        ("White-out of the left hemithorax.", {"lo": P}),
        ("Loculated pleural collection.", {"pe": P}),
        ("The heart is big.", {"cm": P}),
        ("Dense consolidation with air bronchograms.", {"co": P, "lo": X}),
        ("Effusion, if present, is small.", {"pe": U}),
    ],
    "sections as reports have them": [
        ("HISTORY: Cough. Rule out pneumonia.\nFINDINGS: Lungs are clear.\nIMPRESSION: Normal.", {"pn": X, "nf": P}),
        ("INDICATION: Fever. Evaluate for pneumonia.\n\nFINDINGS: Clear lungs. No effusion.", {"pn": X, "pe": N}),
        ("COMPARISON: ___. Effusion on the prior radiograph.\n\nFINDINGS: The lungs are clear.", {"pe": X}),
        ("REASON: r/o effusion. No prior. Bilateral effusions are present. Impression: CHF.", {"pe": P}),
        ("INDICATION: Line. Large left effusion. No pneumothorax. IMPRESSION: As above.", {"pe": P, "px": N}),
        ("INDICATION: Cough and\nfever. Evaluate for effusion.\n\nThe lungs are clear. Edema.", {"pe": X, "ed": P}),
        ("FINDINGS: No evidence of:\n1. pneumothorax\n2. consolidation", {"px": N, "co": N}),
        ("FINDINGS:\nNo evidence of:\n- pneumothorax\n- edema", {"px": N, "ed": N}),
        ("No evidence of:\n- pneumothorax\n- Heart is mildly enlarged.", {"px": N, "cm": P}),
        ("There is no:\n- Edema\n- Small left effusion is seen", {"ed": N, "pe": P}),
    ],
    "words that a reader sees on the film, under heads and beside others": [
        ("INDICATION: Cough. The lungs are clear. Large left effusion.", {"pe": P}),
        ("HISTORY: Fever.\nLarge left effusion.\nIMPRESSION: Effusion.", {"pe": P}),
        ("Comparison: The right effusion has increased.", {"pe": P}),
        ("Findings: Edema. Technique: Portable. Pneumothorax on the left.", {"ed": P, "px": P}),
        ("Lungs: no consolidation Pleura: small effusion", {"co": N, "pe": P}),
        ("Effusion increased versus prior.", {"pe": P}),
        ("Mild versus moderate edema.", {"ed": P}),
        ("Age-indeterminate rib fracture.", {"fx": P}),
        ("Resolution of the pneumonia.", {"pn": N}),
        ("The chest tube has been removed.", {"sd": N}),
        ("The pacemaker is not seen.", {"sd": N}),
        ("No consolidation except atelectasis.", {"co": N, "at": P}),
        ("No pneumothorax except for limits of technique.", {"px": N}),
        ("No consolidation, edema or effusion is seen.", {"co": N, "ed": N, "pe": N}),
        ("The right heart XXXX appears obscured.", {"cm": X}),
        ("Doubtful small effusion.", {"pe": U}),
        ("No evidence of:\n- pneumothorax\n- effusion\n\nCardiomegaly.", {"px": N, "pe": N, "cm": P}),
    ],
}


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [pytest.param(*case, id=f"{kind}: {case[0][:50]}") for kind, cases in KINDS.items() for case in cases],
)
def test_sentence(sentence: str, expected: dict[str, Any]) -> None:
    row = load("rules@4").label([sentence])[0]
    for name, wanted in expected.items():
        column = NAMES.index(name)
        assert int(row[column]) in (wanted if isinstance(wanted, tuple) else (wanted,)), OBSERVATIONS[column]


def test_background_has_sentences_without_mentions_unless_history_counts() -> None:
    report = "INDICATION: Pneumonia. FINDINGS: Small effusion."
    labeler = load("rules@4")
    assert [len(mentioned) for _, mentioned in labeler.sentences(report)] == [0, 1]
    assert [OBSERVATIONS[one.observation] for one in labeler.mentions(report)] == ["Pleural Effusion"]
    assert load("rules@4", history="positive").label([report])[0][7] == POSITIVE


def test_labels_of_studies_are_read_as_protocols_read_reports() -> None:
    assert StandardLabeler().identity == Protocol.model_fields["labeler"].default == "rules@3"


def test_the_phantom_is_read_alike() -> None:
    from rrgbench.data.loading import load_corpus

    for corpus in ("phantom", "phantom-hard"):
        reports = [
            study.report for study in load_corpus(corpus, train=600, validate=1, test=1, retrieval=0).split("train")
        ]
        np.testing.assert_array_equal(load("rules@4").label(reports), load("rules@3").label(reports))
