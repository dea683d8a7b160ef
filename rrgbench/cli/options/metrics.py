"""Metrics and what they are computed from."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rrgbench.cli import completion
from rrgbench.cli.options.comma_lists import comma_list
from rrgbench.cli.options.grouping import listed_option

if TYPE_CHECKING:
    from rrgbench.labelers import Labeler
    from rrgbench.metrics.external.plug_in import ExternalMetric
    from rrgbench.scoring.options import Scoring


@dataclass(frozen=True)
class MetricOptions:
    """Which metrics and which labeler, and what the texts are."""

    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics",
            "--metric",
            help="Comma-separated keys, groups, plug-ins (rrgbench list metrics) or FILE.py:NAME, e.g. nlg,bertscore.",
            show_default="all of our own",
            autocompletion=completion.metrics,
        ),
    ] = None
    metric_options: Annotated[
        list[str] | None,
        listed_option("--metric-option", "An option of a plug-in metric, e.g. bertscore.model=FOLDER; repeatable."),
    ] = None
    labeler: Annotated[
        str,
        typer.Option(
            "--labeler",
            help="Labeler for clinical efficacy.",
            show_default="the protocol's",
            autocompletion=completion.labelers,
        ),
    ] = ""
    labeler_options: Annotated[
        list[str] | None,
        listed_option(
            "--labeler-option",
            "An option of the --labeler, e.g. weights=chexbert.pth or cache=labels.sqlite; repeatable.",
        ),
    ] = None
    corpus: Annotated[str, typer.Option(help="Corpus name for signatures; its digest is added.")] = "unnamed"
    split: Annotated[str, typer.Option(help="Split name for signatures.")] = "unknown"
    section: Annotated[
        str | None,
        typer.Option(
            "--section", help="Which part of the report the texts are: findings, impression or findings and impression."
        ),
    ] = None

    training_reports: Annotated[
        Path | None,
        typer.Option(
            "--training-reports",
            help="Reports of the training split, for protocols with a vocabulary (r2gen and its kin).",
        ),
    ] = None
    frequency_reports: Annotated[
        Path | None,
        typer.Option("--frequency-reports", help="Reports whose document frequencies CIDEr takes (rgrg, miura)."),
    ] = None
    allow_vocabulary: Annotated[
        bool, typer.Option("--allow-vocabulary", help="Do without a vocabulary where no training reports are given.")
    ] = False

    def scoring(self, protocol: str = "dcrrg", **more: Any) -> "Scoring":
        """The scoring that the options ask for, metrics of other packages and labelers with options loaded."""
        from rrgbench.scoring.options import scoring

        return scoring(
            protocol,
            metrics=self._metrics(),
            labeler=self._labeler(),
            corpus=self.corpus,
            split=self.split,
            section=self.section,
            training_reports=self.training_reports,
            frequency_reports=self.frequency_reports,
            allow=["vocabulary"] if self.allow_vocabulary else [],
            **more,
        )

    def _metrics(self) -> "list[str | ExternalMetric] | None":
        chosen: list[str | ExternalMetric] = [*(comma_list(self.metrics, "--metrics") or [])]
        by_metric: dict[str, dict[str, str]] = {}
        for given in self.metric_options or []:
            target, equals, value = given.partition("=")
            metric, _, option = target.partition(".")
            if not equals or option in ("", "name"):
                raise typer.BadParameter(f"{given!r}; expected METRIC.OPTION=VALUE", param_hint="--metric-option")
            if metric not in chosen:
                raise typer.BadParameter(
                    f"{given!r}, but {metric!r} is not among --metrics", param_hint="--metric-option"
                )
            by_metric.setdefault(metric, {})[option] = value
        if by_metric:
            from rrgbench.metrics.external.loading import load_metric

            loaded = {name: load_metric(name, **its_options) for name, its_options in by_metric.items()}
            chosen = [loaded.get(name, name) if isinstance(name, str) else name for name in chosen]
        return chosen or None

    def _labeler(self) -> "str | Labeler | None":
        chosen: dict[str, Any] = {}
        for given in self.labeler_options or []:
            option, equals, value = given.partition("=")
            if not equals or not value or option == "name":
                raise typer.BadParameter(f"{given!r}; expected OPTION=VALUE", param_hint="--labeler-option")
            chosen[option] = value
        if not chosen:
            return self.labeler or None
        if not self.labeler:
            raise typer.BadParameter("says nothing without --labeler", param_hint="--labeler-option")
        from rrgbench.errors import InputError
        from rrgbench.labelers import load

        if "batch_tokens" in chosen:
            if not chosen["batch_tokens"].isdecimal():
                raise InputError(f"batch_tokens is {chosen['batch_tokens']!r}; expected a whole number")
            chosen["batch_tokens"] = int(chosen["batch_tokens"])
        return load(self.labeler, **chosen)
