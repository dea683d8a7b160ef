"""The words of the phantom's reports, as templates by observation and certainty.

Slots in braces are filled by `grammar`: `{place}`, `{side}`, `{much}` (mild ... severe), `{muchly}`, `{size}` (small to
large), `{shape}`, `{seen}`, `{again}` (a comparison or nothing) and so on. A template may name only the observation it
belongs to: `opacity`, `nodule`, `consolidation` are not interchangeable, because a labeler reads them as different
observations.
"""

from typing import Final

MUCH: Final = (("mild", "slight", "minimal"), ("moderate",), ("severe", "marked"))
MUCHLY: Final = (("mildly", "slightly"), ("moderately",), ("severely", "markedly"))
SIZE: Final = (("small", "tiny", "trace"), ("moderate", "moderately sized"), ("large", "sizable"))
DENSE: Final = (("subtle", "faint", "small"), ("patchy", "moderate", "partial"), ("dense", "extensive", "large"))

AGAIN: Final = (
    ", unchanged from the prior study",
    ", similar to the prior exam",
    ", not significantly changed",
    ", new since the prior study",
    ", slightly increased since the previous study",
    ", stable compared to the previous exam",
    ", more pronounced than before",
    ", as seen on the prior radiograph",
    " again",
    ", increased from yesterday",
    ", grossly unchanged",
)

POSITIVE_SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "Enlarged Cardiomediastinum": (
        "the mediastinum is {muchly} widened{again}",
        "the mediastinal contour is {muchly} enlarged{again}",
        "there is {much} widening of the mediastinum{again}",
        "{much} mediastinal widening is {seen}{again}",
        "widened mediastinum{again}",
    ),
    "Cardiomegaly": (
        "the heart is {muchly} enlarged{again}",
        "heart size is {muchly} enlarged{again}",
        "{much} cardiomegaly is {seen}{again}",
        "there is {much} cardiomegaly{again}",
        "the cardiac silhouette is {muchly} enlarged{again}",
        "{much} enlargement of the cardiac silhouette{again}",
        "the heart remains {muchly} enlarged",
    ),
    "Lung Lesion": (
        "there is a {shape} {place}{again}",
        "a {shape} is {seen} {place}{again}",
        "a rounded {shape} projects {place}{again}",
        "a solitary appearing {shape} lies {place}, suspicious for malignancy",
        "{shape} measuring about {mm} mm {place}{again}",
        "{place} there is a well defined {shape}{again}",
    ),
    "Lung Opacity": (
        "there is a {dense} opacity {place}{again}",
        "a hazy opacity is {seen} {place}{again}",
        "{dense} opacities are {seen} {place}{again}",
        "{dense} opacification {place}{again}",
        "{dense} airspace opacity is {seen} {place}{again}",
        "there is increased opacity {place}{again}",
        "ground glass opacity is {seen} {place}{again}",
        "a vague {dense} opacity obscures the vessels {place}{again}",
        "an ill defined hazy opacity projects {place}{again}",
    ),
    "Edema": (
        "there is {much} pulmonary edema{again}",
        "{much} interstitial edema is {seen}{again}",
        "findings are consistent with {much} pulmonary edema{again}",
        "{much} pulmonary vascular congestion and edema{again}",
        "kerley lines and peribronchial cuffing indicate {much} pulmonary edema{again}",
        "{much} perihilar edema suggests fluid overload{again}",
        "thickened septal lines and indistinct vessels compatible with {much} pulmonary edema{again}",
    ),
    "Consolidation": (
        "there is {dense} consolidation {place}{again}",
        "{dense} consolidation is {seen} {place}{again}",
        "a focal consolidation with air bronchograms is {seen} {place}{again}",
        "{place} there is lobar consolidation{again}",
        "{dense} consolidation with air bronchograms {place}{again}",
        "{dense} consolidation bordered by the fissure {place}{again}",
    ),
    "Pneumonia": (
        "findings are compatible with pneumonia {place}{again}",
        "there is {dense} pneumonia {place}{again}",
        "{much} multifocal pneumonia is {seen} {place}{again}",
        "the appearance {place} is consistent with pneumonia{again}",
        "bronchopneumonia is {seen} {place}{again}",
        "scattered foci of pneumonia {place}{again}",
        "{much} infectious process consistent with pneumonia {place}{again}",
    ),
    "Atelectasis": (
        "there is {much} {base} atelectasis{again}",
        "{much} {base} atelectasis is {seen}{again}",
        "linear {base} atelectasis{again}",
        "plate like atelectasis is {seen} {at_base}{again}",
        "bands of {much} atelectasis {at_base}{again}",
        "elevated hemidiaphragm and {much} {base} atelectasis from volume loss{again}",
        "streaky {base} atelectasis is {seen}{again}",
        "{much} subsegmental atelectasis {at_base}{again}",
        "low lung volumes with {much} {base} atelectasis{again}",
    ),
    "Pneumothorax": (
        "there is a {size} {side} pneumothorax{again}",
        "a {size} {side} apical pneumothorax is {seen}{again}",
        "{size} pneumothorax on the {side}{again}",
        "a {side} pleural line indicates a {size} pneumothorax{again}",
        "{side} lung is partially retracted by a {size} pneumothorax{again}",
    ),
    "Pleural Effusion": (
        "there is a {size} {side} pleural effusion{again}",
        "a {size} {side} pleural effusion is {seen}{again}",
        "{size} {side} effusion{again}",
        "{size} pleural effusion on the {side}{again}",
        "layering {size} {side} pleural effusion obscures the diaphragm{again}",
        "blunting of the {side} costophrenic angle from a {size} pleural effusion{again}",
    ),
    "Pleural Other": (
        "there is {much} {side} pleural thickening{again}",
        "{much} pleural thickening is {seen} on the {side}{again}",
        "calcified pleural plaques are {seen} on the {side}{again}",
        "{side} pleural plaques with {much} pleural thickening{again}",
        "{much} {side} pleural thickening with calcification{again}",
    ),
    "Fracture": (
        "there {is} {count} {side} rib {fracture}{again}",
        "{count} {side} {level} rib {fracture} {is} {seen}{again}",
        "displaced {side} {level} rib {fracture}{again}",
        "{count} healing {fracture} of the {side} {level} ribs{again}",
        "old {side} {level} rib {fracture} with callus formation{again}",
    ),
}

UNCERTAIN_SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "Enlarged Cardiomediastinum": (
        "possible widening of the mediastinum",
        "there may be slight widening of the mediastinum",
        "questionable mediastinal widening",
    ),
    "Cardiomegaly": (
        "possible mild cardiomegaly",
        "mild cardiomegaly cannot be excluded",
        "there may be slight cardiomegaly",
        "questionable cardiomegaly",
    ),
    "Lung Lesion": (
        "possible small nodule {place}",
        "a small nodule {place} cannot be excluded",
        "questionable nodule {place}",
        "there may be a small nodule {place}",
    ),
    "Lung Opacity": (
        "possible {faint} opacity {place}",
        "questionable {faint} opacity {place}",
        "there may be a {faint} opacity {place}",
        "a {faint} opacity {place} cannot be excluded",
    ),
    "Edema": (
        "possible mild pulmonary edema",
        "mild interstitial edema cannot be excluded",
        "there may be mild pulmonary edema",
        "findings may represent mild pulmonary edema",
        "questionable minimal interstitial edema",
    ),
    "Consolidation": (
        "possible {faint} consolidation {place}",
        "early consolidation {place} cannot be excluded",
        "there may be {faint} consolidation {place}",
        "questionable consolidation {place}",
    ),
    "Pneumonia": (
        "findings {place} may represent pneumonia",
        "pneumonia {place} cannot be excluded",
        "possible early pneumonia {place}",
        "the appearance {place} could represent pneumonia in the proper clinical setting",
        "pneumonia is not excluded {place}",
    ),
    "Atelectasis": (
        "possible {base} atelectasis",
        "there may be minimal {base} atelectasis",
        "minor changes {at_base} may represent atelectasis",
        "findings {at_base} could represent atelectasis",
    ),
    "Pneumothorax": (
        "possible tiny {side} pneumothorax",
        "a tiny {side} pneumothorax cannot be excluded",
        "questionable {side} apical pneumothorax",
    ),
    "Pleural Effusion": (
        "possible small {side} pleural effusion",
        "a trace {side} pleural effusion cannot be excluded",
        "there may be a small {side} pleural effusion",
        "questionable trace {side} effusion",
    ),
    "Pleural Other": (
        "possible {side} pleural thickening",
        "there may be minor {side} pleural thickening",
        "questionable pleural plaque on the {side}",
    ),
    "Fracture": (
        "possible {side} {level} rib fracture",
        "a nondisplaced {side} {level} rib fracture cannot be excluded",
        "questionable fracture of a {side} {level} rib",
    ),
}

DENIED_NOUNS: Final[dict[str, tuple[str, ...]]] = {
    "Lung Lesion": ("pulmonary nodule", "suspicious nodule", "pulmonary mass"),
    "Lung Opacity": ("focal opacity", "airspace opacity", "focal airspace opacity"),
    "Edema": ("pulmonary edema", "edema", "interstitial edema", "vascular congestion"),
    "Consolidation": ("focal consolidation", "consolidation", "lobar consolidation"),
    "Pneumonia": ("pneumonia", "acute pneumonia", "lobar pneumonia"),
    "Atelectasis": ("atelectasis",),
    "Pneumothorax": ("pneumothorax", "pneumothorax", "apical pneumothorax"),
    "Pleural Effusion": ("pleural effusion", "pleural effusion", "effusion"),
    "Pleural Other": ("pleural thickening", "pleural plaque"),
    "Fracture": ("rib fracture", "acute fracture", "displaced rib fracture"),
}

DENIALS: Final = (
    "there is no {what}",
    "no {what}",
    "no {what} is seen",
    "no evidence of {what}",
    "there is no evidence of {what}",
    "no {what} is identified",
    "negative for {what}",
    "no {what} is present",
)

NORMAL_HEART: Final = (
    "heart size is normal",
    "the heart is normal in size",
    "the cardiac silhouette is normal in size",
    "the heart is not enlarged",
    "the cardiac silhouette is within normal limits",
    "no cardiomegaly",
    "heart size is within normal limits",
)
NORMAL_MEDIASTINUM: Final = (
    "the mediastinal contour is normal",
    "mediastinal contours are within normal limits",
    "the mediastinum is unremarkable",
    "the mediastinum is not widened",
    "mediastinal contours are unremarkable",
)
NORMAL_BOTH: Final = (
    "heart size and mediastinal contours are normal",
    "heart size and mediastinal contours are within normal limits",
    "the heart and mediastinum are unremarkable",
    "the cardiac silhouette and mediastinal contours are normal",
)
NORMAL_DEVICES: Final = ("no central line is present", "no tubes or lines are seen", "there is no pacemaker")

# Sentences that say nothing about any of the 14 observations.
VIEWS: Final[dict[str, tuple[str, ...]]] = {
    "AP": (
        "portable view of the chest",
        "single frontal portable view of the chest was obtained",
        "ap view of the chest",
        "the patient is slightly rotated",
        "the study is limited by portable technique",
        "a semi upright bedside radiograph is submitted",
        "patient rotation limits evaluation",
    ),
    "PA": (
        "frontal view of the chest",
        "single frontal view of the chest was obtained",
        "pa view of the chest",
        "the study is of good quality",
        "an upright radiograph was acquired in full inspiration",
        "the examination is technically adequate",
    ),
    "LATERAL": (
        "frontal and lateral views of the chest",
        "pa and lateral views of the chest",
        "two views of the chest were obtained",
        "frontal and lateral radiographs were acquired in full inspiration",
    ),
}
COMPARED: Final = "comparison is made with earlier films"
LATERAL_WANTED: Final = "lateral view could help to clarify"
FILLERS: Final = (
    "the trachea is midline",
    "the hila are unremarkable",
    "the upper abdomen is unremarkable",
    "no free air below the diaphragm",
    "the osseous structures are unremarkable",
    "the bony thorax is intact",
    "the soft tissues are unremarkable",
    "the visualized bones are unremarkable",
    "the aorta is normal in caliber",
    "the bowel gas pattern is nonobstructive",
    "no subdiaphragmatic gas is detected",
    "the carina and main bronchi are patent",
    "the clavicles and scapulae are symmetric",
    COMPARED,
)
# Not among the 14 either, but a labeler may well not call such a chest normal.
AGE: Final = (
    "the aorta is mildly tortuous",
    "the aortic knob is calcified",
    "mild degenerative changes of the thoracic spine",
    "there is gentle scoliosis of the spine",
)
DEEP_BREATH: Final = ("the lungs are well expanded", "the lungs are well inflated", "lung volumes are normal")
SHALLOW_BREATH: Final = ("lung volumes are low", "the lungs are poorly inflated", "low lung volumes are noted")
ALL_WELL: Final = (
    "no acute cardiopulmonary abnormality",
    "no acute cardiopulmonary process",
    "normal chest radiograph",
    "no acute disease",
    "unremarkable chest radiograph",
    "no active disease",
    "no radiographic explanation for the symptoms",
    "the chest is within normal limits for age",
)

DEVICE_SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "endotracheal tube": (
        "the endotracheal tube ends {height} above the carina{again}",
        "endotracheal tube in standard position{again}",
        "endotracheal tube tip is {height} above the carina{again}",
        "the patient is intubated with the endotracheal tube tip {height} above the carina",
    ),
    "nasogastric tube": (
        "nasogastric tube courses below the diaphragm{again}",
        "enteric tube ends in the stomach{again}",
        "the tip of the nasogastric tube is in the stomach{again}",
        "a feeding tube extends into the stomach{again}",
    ),
    "internal jugular line": (
        "{side} internal jugular catheter ends in the {vein}{again}",
        "{side} internal jugular line tip projects over the {vein}{again}",
        "a {side} central venous catheter terminates in the {vein}{again}",
    ),
    "subclavian line": (
        "{side} subclavian catheter ends in the {vein}{again}",
        "{side} subclavian central venous line terminates in the {vein}{again}",
        "{side} port catheter tip is in the {vein}{again}",
    ),
    "picc line": (
        "{side} picc line ends in the {vein}{again}",
        "{side} picc tip is in the {vein}{again}",
        "a {side} picc line terminates in the {vein}{again}",
    ),
    "pacemaker": (
        "{side} chest wall pacemaker with leads in standard position{again}",
        "{side} pectoral pacemaker leads end in the right atrium and right ventricle{again}",
        "dual lead pacemaker on the {side}{again}",
        "a {side} cardiac pacemaker device is in place{again}",
    ),
    "sternal wires": (
        "median sternotomy wires are intact{again}",
        "sternotomy wires are aligned{again}",
        "median sternotomy wires are in place{again}",
    ),
    "chest tube": (
        "a {side} chest tube is in place{again}",
        "{side} chest tube ends at the apex{again}",
        "{side} pleural drainage catheter is in place{again}",
    ),
}
UNCERTAIN_DEVICES: Final[dict[str, tuple[str, ...]]] = {
    "internal jugular line": (
        "possible {side} central venous catheter",
        "there may be a {side} internal jugular catheter",
    ),
    "picc line": ("possible {side} picc line", "there may be a {side} picc line"),
}
FOLLOW_UP: Final = (
    "clinical correlation is recommended",
    "followup radiograph is suggested after treatment",
    LATERAL_WANTED,
    "attention on followup imaging",
    "results were discussed with the referring team",
)
LESION_FOLLOW_UP: Final = (
    "chest ct is recommended for further characterization",
    "further evaluation with ct is advised",
    "comparison with outside studies is advised",
)
VEINS: Final = (
    "superior vena cava",
    "lower superior vena cava",
    "right atrium",
    "cavoatrial junction",
    "mid superior vena cava",
)
HEIGHTS: Final = ("two cm", "three cm", "four cm", "five cm", "well")
SEEN: Final = ("seen", "noted", "present", "identified", "demonstrated")
