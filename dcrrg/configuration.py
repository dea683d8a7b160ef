"""What defines a DCRRG model: its configuration, saved with its weights, and the presets by which it is trained."""

from typing import Any, Final, Literal, get_args

from pydantic import ConfigDict, Field, field_validator

from rrgbench.checked_values import CheckedValues
from rrgbench.errors import InputError
from rrgbench.modeling.checkpoint_reading import arguments, wrong_values
from rrgbench.modeling.encoder_settings import require_known_settings
from rrgbench.modeling.report_decoder import Slopes, distance_slopes
from rrgbench.modeling.report_model import ReportModelConfig
from rrgbench.observations import OBSERVATIONS
from rrgbench.training.settings import Count, Positive, StageSettings, read_preset

PRESETS = "dcrrg.presets"

CHOICES = {
    "text_pooling": ("cls", "mean"),
    "description_memory": ("all", "prompted"),
    "distance_slopes": get_args(Slopes),
    "similarity_prompt": ("each", "mean", "none"),
    "tuning": ("prompt", "full"),
    "prompted_attention": ("self", "both"),
    "decoder_memory": ("representations", "decisions", "both"),
}
"""What the choices of a `DcrrgConfig` may be."""

UNSAID: Final = {"description_memory": "all", "distance_slopes": "from_one"}
"""What a saved configuration means that says nothing of these: it was written before they could be chosen."""

DECODING: Final = ("tuning", "description_memory", "distance_slopes")
"""What of a configuration steps 1 and 2 know nothing of, and no weight's shape depends on: models that differ in these
alone share what those steps learned."""


class DcrrgConfig(ReportModelConfig):
    """Configuration of `dcrrg.model.DcrrgModel`.

    Parameters
    ----------
    text_encoder : dict
        Keys of `transformers.BertConfig`; `weights` names a hub id or local folder to start from.
    text_pooling : str
        How the text encoder's states become t: `cls` (the classification token's, as BERT is trained) or `mean` over
        words, which a small encoder without pretraining learns in fewer epochs.
    projection_width, embedding_width : int
        Hidden width of f_v and f_t, and P.
    decoder_width, decoder_heads, decoder_layers, decoder_feed_forward : int
        Shape of the report decoder.
    decoder_distance : bool
        Whether the decoder's self-attention is biased by distance (ALiBi); the paper only says that nothing but tokens
        is embedded.
    memory_prompts : bool
        Whether the decoder's memory holds each v_p beside its one-hot prompt e, to tell them apart.
    distance_slopes : str
        Of that bias, `published` or `from_one` (`rrgbench.modeling.report_decoder.distance_slopes`).
    description_memory : str
        What the decoder reads where it describes an observation: that of the `prompted` one alone, or `all` 14 prompted
        representations. A report is written from all of them.
    prompt_length : int
        Soft prompt tokens a layer and attention (step 4).
    prompted_attention : str
        Which attention of each layer they enter: `self`, as in P-Tuning v2, or `both`, cross-attention too.
    similarity_prompt : str
        How a film or report becomes one vector for the contrast of step 2 and for retrieval: `each` joins the 14
        normalised prompted representations, `mean` averages them, `none` projects with an all-zero prompt.
    tuning : str
        Step 4: `prompt` (P-Tuning v2, all else frozen) or `full` (the ablation).
    decoder_memory : str
        What the decoder reads of each observation: its prompted `representations`, as in the paper; the `decisions` of
        step 1's thresholded predictions (`rrgbench.training.decisions`; of a report, what it says); or `both`. Ours:
        where the decoder never sees a film, it can take over what a film's classifier finds and nothing else.
    decision_thresholds : list, optional
        Of the log-odds (14,), as training set them; infinite ones by name.
    contrast_temperature : float
        Initial tau of Eq. 7.
    target_temperature : float
        Divides the exponents of Eqs. 4 and 5; 1 is the paper's form.
    max_description, max_text : int
        Token limits of descriptions and of the text encoder's input.
    **kwargs
        See `ReportModelConfig`; `dropout` is also that of the projections.

    Raises
    ------
    InputError
        If a choice is none of `CHOICES`.
    """

    model_type = "dcrrg"

    def __init__(
        self,
        text_encoder: dict[str, Any] | None = None,
        text_pooling: str = "cls",
        projection_width: int = 128,
        embedding_width: int = 96,
        decoder_width: int = 96,
        decoder_heads: int = 4,
        decoder_layers: int = 2,
        decoder_feed_forward: int = 384,
        decoder_distance: bool = False,
        distance_slopes: Slopes = "published",
        memory_prompts: bool = False,
        description_memory: str = "prompted",
        prompt_length: int = 16,
        prompted_attention: str = "self",
        similarity_prompt: str = "each",
        tuning: str = "prompt",
        decoder_memory: str = "representations",
        decision_thresholds: list[float | str] | None = None,
        contrast_temperature: float = 0.07,
        target_temperature: float = 1.0,
        max_description: int = 60,
        max_text: int = 160,
        **kwargs: Any,
    ) -> None:
        self.text_encoder = dict(text_encoder or {})
        self.text_pooling = text_pooling
        self.projection_width = projection_width
        self.embedding_width = embedding_width
        self.decoder_width = decoder_width
        self.decoder_heads = decoder_heads
        self.decoder_layers = decoder_layers
        self.decoder_feed_forward = decoder_feed_forward
        self.decoder_distance = decoder_distance
        self.distance_slopes = distance_slopes
        self.memory_prompts = memory_prompts
        self.description_memory = description_memory
        self.prompt_length = prompt_length
        self.prompted_attention = prompted_attention
        self.similarity_prompt = similarity_prompt
        self.tuning = tuning
        self.decoder_memory = decoder_memory
        self.decision_thresholds = decision_thresholds
        self.contrast_temperature = contrast_temperature
        self.target_temperature = target_temperature
        self.max_description = max_description
        self.max_text = max_text
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                given = getattr(self, name)
                raise InputError(f"{name} of a DCRRG model is {given!r}; expected one of {', '.join(choices)}")
        super().__init__(**kwargs)

    @property
    def decides(self) -> bool:
        """Whether the decoder reads decisions."""
        return self.decoder_memory != "representations"

    @property
    def memory_width(self) -> int:
        """Numbers that the decoder reads of each observation, its one-hot prompt included if there is one."""
        own = {"representations": self.embedding_width, "decisions": 1, "both": self.embedding_width + 1}
        return own[self.decoder_memory] + len(OBSERVATIONS) * self.memory_prompts

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """A configuration from a saved one; what that does not say is what it meant when it was written (`UNSAID`)."""
        return super().from_dict({**UNSAID, **config_dict}, **kwargs)

    @property
    def decoding(self) -> dict[str, Any]:
        """Those of `DECODING` that step 3 reads."""
        return {name: getattr(self, name) for name in DECODING if name != "tuning"}

    @property
    def slopes(self) -> tuple[float, ...] | None:
        """By how much each head's self-attention falls with distance; None where it is not biased."""
        return distance_slopes(self.decoder_heads, self.distance_slopes) if self.decoder_distance else None


Pairs = Literal["own", "labels", "balanced"]
"""What step 2 aligns: each film with its own report; with one drawn among those of the most similar labels (which films
that have no report get anyway); or with its own, films being drawn as balancing draws them in step 1."""


NoFinding = Literal["normality", "rest"]
"""Which sentences describe No Finding: those that call lungs or film normal, or all that mention no other observation
(technique, bones, aorta ...), so that the 14 descriptions together are the report."""

Step3Trains = Literal["decoder", "all"]
"""What step 3 trains: the decoder on frozen encoders, or the encoders with it."""

Unmentioned = Literal["token", "omitted"]
"""What step 3 makes of an observation that a report does not mention: the decoder writes a token that says so, or it is
never asked."""


ImageStart = Literal["trained", "linear", "tuned"]
"""Step 1 on films: all is `trained`, as in the paper. Ours: the encoder stays as it starts, and f_v with its head are
`linear` heads on its features, which step 2 leaves as they are too; or that is the start from which all is `tuned`."""


class Preset(CheckedValues):
    """Everything that defines a training run but data and seed.

    Attributes
    ----------
    model : dict
        Arguments of `DcrrgConfig`.
    balance : bool
        Step 1 re-samples each observation to equal classes.
    augment : bool
        Films are shifted, turned and exposed a little.
    pairs : str
        Which films and reports step 2 lays side by side (`Pairs`).
    no_finding_description : str
        What step 3 writes of No Finding (`NoFinding`).
    description_sets : int
        How many sets of several observations a study's step 3 describes, beside its 14 observations by themselves.
    unmentioned : str
        What step 3 makes of an observation that a report does not mention (`Unmentioned`).
    image_start : str
        How step 1 learns from films (`ImageStart`).
    linear_strength : float
        Inverse of the L2 penalty of linear heads.
    composed_reports : int
        Reports composed for each film's labels, beside which steps 3 and 4 learn (`dcrrg.composition`); unpaired
        corpora only.
    min_word_count : int
        Rarer words become unknown.
    step1_image, step1_text, step2, step3, step4 : StageSettings
        Hyper-parameters.
    step4_full : StageSettings, optional
        Hyper-parameters of step 4 where everything is tuned, not the soft prompts; those of `step4` if omitted.
    heads : StageSettings, optional
        Hyper-parameters of the last stage, which trains step 1's heads again on encoders that later steps have moved
        (`dcrrg.heads`); null leaves the heads as step 1 left them.
    step3_trains : str
        What step 3 trains (`Step3Trains`).
    limit : int, optional
        At most that many training studies of each source, unless the run gives a limit of its own.
    storage : str
        Type of the saved weights; they are float32 in memory.
    """

    model_config = ConfigDict(extra="forbid")

    model: dict[str, Any]
    balance: bool = True
    augment: bool = True
    pairs: Pairs = "own"
    no_finding_description: NoFinding = "normality"
    description_sets: int = Field(default=0, ge=0)
    unmentioned: Unmentioned = "token"
    image_start: ImageStart = "trained"
    linear_strength: Positive = 1e-3
    composed_reports: int = Field(default=0, ge=0)
    min_word_count: Count = 3
    step1_image: StageSettings
    step1_text: StageSettings
    step2: StageSettings
    step3: StageSettings
    step4: StageSettings
    step4_full: StageSettings | None = None
    heads: StageSettings | None = StageSettings(epochs=10, batch_size=256, learning_rate=2e-2)
    step3_trains: Step3Trains = "decoder"
    limit: Count | None = None
    storage: Literal["float32", "float16"] = "float32"

    @field_validator("model")
    @classmethod
    def _known(cls, model: dict[str, Any]) -> dict[str, Any]:
        # a configuration keeps what it doesn't know, so a misspelt key would change nothing and say nothing
        known = set(arguments(DcrrgConfig))
        if unknown := sorted(set(model) - known):
            raise ValueError(f"model has no {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        require_known_settings(model.get("image_encoder", {}), model.get("text_encoder", {}))
        config = DcrrgConfig(**model)
        for key, expected in wrong_values(config):
            raise ValueError(f"{key} must be {expected}; given: {getattr(config, key)!r:.80}")
        return model

    @property
    def config(self) -> DcrrgConfig:
        """The model's configuration, its vocabulary not known yet."""
        return DcrrgConfig(**self.model)

    @property
    def for_validation(self) -> "Preset":
        """The same with studies as they are: each once, unmoved, beside its own report."""
        return self.model_copy(update={"balance": False, "augment": False, "pairs": "own"})


def load_preset(name: str) -> Preset:
    """A preset by name (a file of `dcrrg/presets`) or YAML file; errors as `read_preset`."""
    return read_preset(PRESETS, name, Preset)
