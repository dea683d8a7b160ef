"""Sentences of every kind with the labels that a radiologist and CheXpert's rules agree on."""

import pytest

from rrgbench.labelers import load
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN

P, N, U = POSITIVE, NEGATIVE, UNCERTAIN
SHORT = {
    "ec": 1,
    "cm": 2,
    "ll": 3,
    "lo": 4,
    "ed": 5,
    "co": 6,
    "pn": 7,
    "at": 8,
    "px": 9,
    "pe": 10,
    "po": 11,
    "fx": 12,
    "sd": 13,
}

CASES: list[tuple[str, dict[str, int]]] = [
    # lists under one negation
    ("No focal consolidation, pleural effusion, or pneumothorax.", {"co": N, "pe": N, "px": N}),
    ("There is no pneumothorax, pleural effusion or pulmonary edema.", {"px": N, "pe": N, "ed": N}),
    ("No evidence of pneumonia or pulmonary edema.", {"pn": N, "ed": N}),
    ("Lungs are clear without focal consolidation, large effusion, or pneumothorax.", {"co": N, "pe": N, "px": N}),
    ("The lungs are clear of focal airspace disease, pneumothorax, or pleural effusion.", {"lo": N, "px": N, "pe": N}),
    ("Negative for pneumothorax, pleural effusion or focal airspace consolidation.", {"px": N, "pe": N, "co": N}),
    ("no focal consolidation . heart size is normal .", {"co": N, "cm": N}),
    ("Neither pneumothorax nor pleural effusion is seen.", {"px": N, "pe": N}),
    ("There is no focal opacity to suggest pneumonia.", {"lo": N, "pn": N}),
    ("No nodule or mass is identified.", {"ll": N}),
    ("No XXXX focal consolidation or pneumothorax.", {"co": N, "px": N}),
    ("No acute rib fractures.", {"fx": N}),
    ("The lungs are free of infiltrates.", {"lo": N}),
    ("Absence of pleural effusion.", {"pe": N}),
    ("No definite pneumothorax.", {"px": N}),
    # negation after the mention
    ("Pneumothorax is not seen.", {"px": N}),
    ("Pleural effusion and pneumothorax are not identified.", {"pe": N, "px": N}),
    ("The previously seen left pleural effusion has resolved.", {"pe": N}),
    ("Interval resolution of pulmonary edema.", {"ed": N}),
    ("Right chest tube has been removed.", {"sd": N}),
    ("The pneumothorax is no longer visualized.", {"px": N}),
    ("Resolved pneumonia.", {"pn": N}),
    # the scope ends
    ("No pneumothorax, but there is a small left pleural effusion.", {"px": N, "pe": P}),
    ("No pneumothorax; small right effusion.", {"px": N, "pe": P}),
    ("No focal consolidation, however mild atelectasis is present at the left base.", {"co": N, "at": P}),
    ("No pneumothorax is seen and there is a moderate effusion.", {"px": N, "pe": P}),
    ("Bibasilar atelectasis without consolidation.", {"at": P, "co": N}),
    ("No change in the small left pleural effusion.", {"pe": P}),
    ("Left pleural effusion is not significantly changed.", {"pe": P}),
    ("Moderate cardiomegaly without pulmonary edema.", {"cm": P, "ed": N}),
    ("Small left pleural effusion, no pneumothorax.", {"pe": P, "px": N}),
    ("There has been no significant interval change in bilateral airspace opacities.", {"lo": P}),
    # doubt
    ("Opacity at the right base may represent pneumonia.", {"lo": P, "pn": U}),
    ("Possible small left pleural effusion.", {"pe": U}),
    ("Small pleural effusion cannot be excluded.", {"pe": U}),
    ("Cannot exclude pneumonia.", {"pn": U}),
    ("Findings are concerning for pneumonia.", {"pn": U}),
    ("Left basilar opacity, atelectasis versus pneumonia.", {"lo": P, "at": U, "pn": U}),
    ("Bibasilar scarring or atelectasis.", {"lo": U, "at": U}),
    ("Lingular scarring and/or atelectasis.", {"lo": P, "at": P}),
    ("Streaky opacities could be atelectasis.", {"lo": P, "at": U}),
    ("A small pneumothorax is possible.", {"px": U}),
    ("Suspected rib fracture.", {"fx": U}),
    ("Questionable nodule in the right upper lobe.", {"ll": U}),
    ("Probable mild edema.", {"ed": U}),
    ("An underlying pneumonia is not excluded.", {"pn": U}),
    ("Retrocardiac opacity, may be due to atelectasis or consolidation.", {"lo": P, "at": U, "co": U}),
    ("Pulmonary vascular congestion.", {"ed": U}),
    # heart and mediastinum
    ("The heart is normal in size.", {"cm": N}),
    ("Heart size within normal limits.", {"cm": N}),
    ("Heart size and pulmonary vascularity appear within normal limits.", {"cm": N}),
    ("The heart is not enlarged.", {"cm": N}),
    ("No cardiomegaly.", {"cm": N}),
    ("Mild cardiomegaly.", {"cm": P}),
    ("The cardiac silhouette is enlarged.", {"cm": P}),
    ("The heart is mildly enlarged.", {"cm": P}),
    ("Moderate enlargement of the cardiac silhouette.", {"cm": P}),
    ("Stable cardiomegaly.", {"cm": P}),
    ("Heart size is at the upper limits of normal.", {"cm": N}),
    ("Heart size is stable.", {"cm": U}),
    ("The cardiomediastinal silhouette is within normal limits.", {"ec": N}),
    ("Cardiomediastinal silhouette is unremarkable.", {"ec": N}),
    ("The cardiomediastinal silhouette is unchanged.", {"ec": U}),
    ("Widened mediastinum.", {"ec": P}),
    ("The mediastinum is widened.", {"ec": P}),
    ("Mediastinal widening.", {"ec": P}),
    ("No mediastinal widening.", {"ec": N}),
    ("Normal heart size and mediastinal contours.", {"cm": N, "ec": N}),
    ("The heart, pulmonary XXXX and mediastinum are within normal limits.", {"cm": N, "ec": N}),
    ("The heart is enlarged and the mediastinum is normal.", {"cm": P, "ec": N}),
    ("Heart size is normal, mediastinal contours are stable.", {"cm": N, "ec": U}),
    ("Cardiac contours are normal.", {"cm": N, "ec": N}),
    ("Congestive heart failure.", {"ed": P, "cm": U}),
    ("No evidence of heart failure.", {"ed": N}),
    ("Findings of CHF.", {"ed": P, "cm": U}),
    ("Normal and stable cardiomediastinal contours.", {"ec": N}),
    ("Cardiac silhouette is normal and the aorta is enlarged.", {"cm": N}),
    ("The cardiac and mediastinal silhouettes are unremarkable.", {"cm": N, "ec": N}),
    ("Heart is borderline enlarged.", {"cm": P}),
    ("The heart is top normal in size.", {"cm": N}),
    # each observation by several names
    ("Pulmonary edema.", {"ed": P}),
    ("Interstitial edema has worsened.", {"ed": P}),
    ("Right upper lobe mass.", {"ll": P}),
    ("Multiple pulmonary nodules.", {"ll": P}),
    ("There is an 8 mm nodule in the left lung.", {"ll": P}),
    ("Patchy airspace disease in the lingula.", {"lo": P}),
    ("Increased interstitial markings.", {"lo": P}),
    ("Right lower lobe infiltrate.", {"lo": P}),
    ("Biapical scarring.", {"lo": P}),
    ("Left lower lobe consolidation.", {"co": P}),
    ("Right middle lobe pneumonia.", {"pn": P}),
    ("Left lower lobe collapse.", {"at": P}),
    ("Plate-like atelectasis in the left base.", {"at": P}),
    ("Small apical pneumothorax.", {"px": P}),
    ("Right hydropneumothorax.", {"px": P}),
    ("Layering pleural fluid on the right.", {"pe": P}),
    ("Bilateral effusions.", {"pe": P}),
    ("Apical pleural thickening.", {"po": P}),
    ("Calcified pleural plaques.", {"po": P}),
    ("Old healed left rib fractures.", {"fx": P}),
    ("Compression deformity of a mid thoracic vertebral body.", {"fx": P}),
    ("Right PICC terminates in the SVC.", {"sd": P}),
    ("Endotracheal tube in good position.", {"sd": P}),
    ("Left chest wall dual-lead pacemaker.", {"sd": P}),
    ("Right internal jugular central venous catheter.", {"sd": P}),
    ("Nasogastric tube courses below the diaphragm.", {"sd": P}),
    ("No central line is present.", {"sd": N}),
    ("Prosthetic aortic valve.", {"sd": P}),
    # what only looks like a mention
    ("No pericardial effusion.", {}),
    ("Right heart XXXX is obscured.", {}),
    ("Septal lines at the bases.", {}),
    ("Breast shadows overlie the bases.", {}),
    ("Calcified granuloma in the right upper lobe.", {}),
    ("Degenerative changes of the spine.", {}),
    ("Evaluate for pneumonia.", {"pn": U}),
    ("The trachea is midline.", {}),
    ("", {}),
    ("12345 !!! ...", {}),
]


@pytest.mark.parametrize(("sentence", "expected"), CASES, ids=[case[0][:60] or "empty" for case in CASES])
@pytest.mark.parametrize("shape", ["raw", "lower", "tokenised", "masked_case"])
@pytest.mark.parametrize("labeler", ["rules@1", "rules@2"])
def test_sentence(sentence: str, expected: dict[str, int], shape: str, labeler: str) -> None:
    if shape == "lower":
        sentence = sentence.lower()
    elif shape == "tokenised":
        sentence = " ".join(sentence.lower().replace(",", " ,").replace(".", " .").replace(";", " ;").split())
    elif shape == "masked_case":
        sentence = sentence.replace("XXXX", "___")
    row = load(labeler).label([sentence])[0]
    found = {short: int(row[column]) for short, column in SHORT.items() if row[column] != -2}
    assert found == expected, {OBSERVATIONS[SHORT[key]]: value for key, value in found.items()}
