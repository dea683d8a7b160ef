"""The words of the phantom's reports, as templates by observation and certainty.

Slots in braces are filled by `grammar`: `{place}`, `{side}`, `{much}` (mild ... severe), `{muchly}`, `{size}` (small ... large),
`{shape}`, `{again}` (a comparison or nothing), `{there}` (there is / seen ...). A template may name only the observation it
belongs to: `opacity`, `nodule`, `consolidation` are not interchangeable, because a labeler reads them as different
observations.
"""

from typing import Final

MUCH: Final = (("mild", "slight", "minimal"), ("moderate",), ("severe", "marked"))
MUCHLY: Final = (("mildly", "slightly"), ("moderately",), ("severely", "markedly"))
SIZE: Final = (("small", "tiny", "trace"), ("moderate", "moderately sized"), ("large", "sizable"))
DENSE: Final = (("subtle", "faint", "hazy"), ("patchy", "hazy", "moderate"), ("dense", "extensive", "large"))

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
    ),
    "Lung Lesion": (
        "there is a {shape} {place}{again}",
        "a {shape} is {seen} {place}{again}",
        "a rounded {shape} projects {place}{again}",
        "{place} there is a well defined {shape}{again}",
    ),
    "Lung Opacity": (
        "there is a {dense} opacity {place}{again}",
        "{dense} opacities are {seen} {place}{again}",
        "{dense} opacification {place}{again}",
        "{dense} airspace opacity is {seen} {place}{again}",
        "there is increased opacity {place}{again}",
        "an ill defined {dense} opacity projects {place}{again}",
    ),
    "Edema": (
        "there is {much} pulmonary edema{again}",
        "{much} interstitial edema is {seen}{again}",
        "findings are consistent with {much} pulmonary edema{again}",
        "{much} pulmonary vascular congestion and edema{again}",
        "perihilar haze and septal lines compatible with {much} pulmonary edema{again}",
    ),
    "Consolidation": (
        "there is {dense} consolidation {place}{again}",
        "{dense} consolidation is {seen} {place}{again}",
        "a focal consolidation with air bronchograms is {seen} {place}{again}",
        "{place} there is lobar consolidation{again}",
        "{dense} consolidation with air bronchograms {place}{again}",
    ),
    "Pneumonia": (
        "findings are compatible with pneumonia {place}{again}",
        "there is {dense} pneumonia {place}{again}",
        "{much} multifocal pneumonia is {seen} {place}{again}",
        "the appearance {place} is consistent with pneumonia{again}",
        "bronchopneumonia is {seen} {place}{again}",
    ),
    "Atelectasis": (
        "there is {much} {base} atelectasis{again}",
        "{much} {base} atelectasis is {seen}{again}",
        "linear {base} atelectasis{again}",
        "plate like atelectasis is {seen} {at_base}{again}",
        "bands of {much} atelectasis {at_base}{again}",
        "low lung volumes with {much} {base} atelectasis{again}",
    ),
    "Pneumothorax": (
        "there is a {size} {side} pneumothorax{again}",
        "a {size} {side} apical pneumothorax is {seen}{again}",
        "{size} pneumothorax on the {side}{again}",
        "a {side} pleural line indicates a {size} pneumothorax{again}",
    ),
    "Pleural Effusion": (
        "there is a {size} {side} pleural effusion{again}",
        "a {size} {side} pleural effusion is {seen}{again}",
        "{size} {side} effusion{again}",
        "{size} pleural effusion on the {side}{again}",
        "blunting of the {side} costophrenic angle from a {size} pleural effusion{again}",
    ),
    "Pleural Other": (
        "there is {much} {side} pleural thickening{again}",
        "{much} pleural thickening is {seen} on the {side}{again}",
        "calcified pleural plaques are {seen} on the {side}{again}",
        "{side} pleural plaques with {much} pleural thickening{again}",
    ),
    "Fracture": (
        "there {is} {count} {side} rib {fracture}{again}",
        "{count} {side} {level} rib {fracture} {is} {seen}{again}",
        "displaced {side} {level} rib {fracture}{again}",
        "{count} healing {fracture} of the {side} {level} ribs{again}",
    ),
}

UNCERTAIN_SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "Enlarged Cardiomediastinum": (
        "possible widening of the mediastinum",
        "the mediastinum may be slightly widened",
        "questionable mediastinal widening",
    ),
    "Cardiomegaly": (
        "possible mild cardiomegaly",
        "mild cardiomegaly cannot be excluded",
        "the heart may be slightly enlarged",
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
    "Lung Lesion": ("pulmonary nodule", "suspicious nodule or mass", "lung mass"),
    "Lung Opacity": ("focal opacity", "airspace opacity", "lung opacity"),
    "Edema": ("pulmonary edema", "edema", "interstitial edema", "vascular congestion"),
    "Consolidation": ("focal consolidation", "consolidation", "lobar consolidation"),
    "Pneumonia": ("pneumonia", "evidence of pneumonia", "acute pneumonia"),
    "Atelectasis": ("atelectasis",),
    "Pneumothorax": ("pneumothorax",),
    "Pleural Effusion": ("pleural effusion", "effusion", "large effusion"),
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
    ),
    "PA": (
        "frontal view of the chest",
        "single frontal view of the chest was obtained",
        "pa view of the chest",
        "the study is of good quality",
    ),
}
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
)
DEEP_BREATH: Final = ("the lungs are well expanded", "the lungs are well inflated", "lung volumes are normal")
SHALLOW_BREATH: Final = ("lung volumes are low", "the lungs are poorly inflated", "low lung volumes are noted")
ALL_WELL: Final = (
    "no acute cardiopulmonary abnormality",
    "no acute cardiopulmonary process",
    "normal chest radiograph",
    "no acute disease",
    "unremarkable chest radiograph",
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
UNCERTAIN_DEVICES: Final = ("possible {side} central venous catheter", "there may be a {side} picc line")
VEINS: Final = (
    "superior vena cava",
    "lower superior vena cava",
    "right atrium",
    "cavoatrial junction",
    "mid superior vena cava",
)
HEIGHTS: Final = ("two cm", "three cm", "four cm", "five cm", "well")
SEEN: Final = ("seen", "noted", "present", "identified", "demonstrated")
