"""What tuning tries, and for how long: rates around the usual ones, within a budget.

settings, usual rates, budget --plan_of--> settings with the budget of one run, Plan: trials, what all of them get
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spanbert.core.errors import InputError
from spanbert.train.config import Amount
from spanbert.train.finetune_config import FinetuneConfig

USUAL_BUDGET = "400%"
_WHERE = "--tune-budget"
_FACTORS = (  # of the rates of encoder and heads; those that promise most first
    (1.0, 1.0),
    (2.0, 1.0),
    (0.5, 1.0),
    (1.0, 2.0),
    (1.0, 0.5),
)
_FEWEST = 3  # trials, where the budget does not suffice for all
_SHARES = (1.0, 0.5, 0.25)  # of a run, that all trials get
_GO_ON = 1 / 3  # of the trials
_LIMITS = {"steps": "max_steps", "tokens": "max_tokens", "seconds": "max_minutes"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The trials of a tuning.

    Attributes:
        trials: Settings of each, by dotted key.
        share: Of a run's budget, which all of them get.
        kept: How many then go on to the end.
    """

    trials: tuple[Mapping[str, float], ...]
    share: float
    kept: int

    @property
    def runs(self) -> float:
        """What all trials take together, in whole runs."""
        return len(self.trials) * self.share + self.kept * (1 - self.share)


def plan_of(budget: str, config: FinetuneConfig, rates: tuple[float, float]) -> tuple[FinetuneConfig, Plan]:
    """The trials for which a budget suffices, and the settings that they have in common.

    Args:
        budget: Of all trials together: `400%` of one run, `20m`, `2000steps`, `1Mtok`.
        config: The settings, with the budget of one run; rates that are set in them are not varied.
        rates: The usual ones of encoder and heads.

    Returns:
        The settings, a run's budget limited to its part of a budget in minutes, steps or tokens; and the plan.

    Raises:
        InputError: A budget that does not suffice for three trials, or no rate to vary.
    """
    trials = _trials(config, rates)
    amount = Amount.parse(budget, where=_WHERE)
    if amount.unit == "epochs":
        raise InputError("not a budget of several runs", where=_WHERE, got=budget, expected="400% of one run, or 20m")
    if amount.unit == "share":
        return config, _within(amount.value, trials, budget)
    limit = _LIMITS[amount.unit]
    value = amount.value / 60 if amount.unit == "seconds" else amount.value
    of_a_run = getattr(config.train, limit)
    if of_a_run is not None:
        return config, _within(value / of_a_run, trials, budget)
    plan = _within(Amount.parse(USUAL_BUDGET, where=_WHERE).value, trials, budget)
    part = value / plan.runs
    return config.with_train(**{limit: part if amount.unit == "seconds" else max(1, int(part))}), plan


def with_settings(config: FinetuneConfig, settings: Mapping[str, float]) -> FinetuneConfig:
    """The settings of a trial.

    Args:
        config: What all trials have in common.
        settings: What is the trial's own, by dotted key.
    """
    rates = {key.removeprefix("optim."): value for key, value in settings.items()}
    return config.model_copy(update={"optim": config.optim.model_copy(update=rates)})


def _trials(config: FinetuneConfig, rates: tuple[float, float]) -> list[Mapping[str, float]]:
    """Settings of all trials, the usual ones first."""
    stated = config.optim.model_fields_set | ({"lr"} if config.freeze_encoder else set())
    usual = {name: rate for name, rate in zip(("lr", "head_lr"), rates, strict=True) if name not in stated}
    if not usual:
        raise InputError(
            "nothing to tune: the rates are set", where="--tune", remedy="Leave out optim.lr or optim.head_lr"
        )
    found: list[Mapping[str, float]] = []
    for pair in _FACTORS:
        factors = dict(zip(("lr", "head_lr"), pair, strict=True))
        one = {f"optim.{name}": float(f"{rate * factors[name]:.4g}") for name, rate in usual.items()}
        if one not in found:
            found.append(one)
    return found


def _within(runs: float, trials: list[Mapping[str, float]], budget: str) -> Plan:
    """The plan with most trials that takes so many runs at most, and of those the one that gives each most."""
    for count in (len(trials), _FEWEST):
        for share in _SHARES:
            kept = count if share == 1 else max(1, round(_GO_ON * count))
            plan = Plan(trials=tuple(trials[:count]), share=share, kept=kept)
            if plan.runs <= runs * (1 + 1e-9):
                return plan
    least = Plan(trials=tuple(trials[:_FEWEST]), share=_SHARES[-1], kept=1).runs
    raise InputError(
        "too little for three trials",
        where=_WHERE,
        got=f"{budget}, {runs:.2g} of one run",
        expected=f"{least:.0%} of one run at least",
        remedy="Give more, or each run less with --budget",
    )
