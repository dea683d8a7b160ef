"""A training stage: resume, early stopping, accumulation, bfloat16, TensorBoard, and two processes."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, default_collate
from toy_stage import ITEMS, ToyItems, ToyNetwork, settings

import rrgbench.training.stage as training
from rrgbench.errors import InputError
from rrgbench.training.optimization import rate_of
from rrgbench.training.stage import Learner, Work, train_stage
from rrgbench.training.stopping import Criterion, Measures, curve

ROOT = Path(__file__).resolve().parents[2]


class KilledError(Exception):
    pass


def trained(folder, network=None, validation=None, progress=None, **changes):
    network = ToyNetwork() if network is None else network
    work = Work(ToyItems(), default_collate, validation=validation)
    report = train_stage("toy", settings(**changes), Learner(network), work, folder, progress=progress)
    return network.cpu(), report


def same(one, other, atol=0.0):
    ours, theirs = one.state_dict(), other.state_dict()
    return all(torch.allclose(ours[name], theirs[name], rtol=0, atol=atol) for name in ours)


class Targets(Dataset):
    """Items that all want one number."""

    def __init__(self, target):
        self.target = torch.tensor(target)

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return {"target": self.target}


class Number(nn.Module):
    """One weight, which AdamW moves by the learning rate each step towards the target."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, target):
        return {"loss": (self.weight - target).square().mean()}


STOPPING = {"epochs": 20, "batch_size": 4, "learning_rate": 0.02, "schedule": "constant", "patience": 2, "warmup": 0}


def stopped_early(folder, progress=None):
    """Three steps of 0.02 an epoch towards 1, validated against 0.3: the lowest loss is after the fifth epoch."""
    number = Number()
    work = Work(Targets(1.0), default_collate, validation=Targets(0.3))
    report = train_stage("number", settings(**STOPPING), Learner(number), work, folder, progress=progress)
    return number, report


def test_early_stopping_restores_the_best_weights(tmp_path):
    number, report = stopped_early(tmp_path)
    assert float(number.weight.detach()) == pytest.approx(0.3, abs=0.01)
    assert report.epochs == 7
    assert report.items == 7 * 12
    assert report.validation_loss == pytest.approx((float(number.weight.detach()) - 0.3) ** 2, abs=1e-6)
    assert json.loads((tmp_path / "stage.json").read_text())["epochs"] == 7


def kill_at(step):
    def progress(stage, done, total, note):
        if done == step:
            raise KilledError

    return progress


@pytest.mark.parametrize("step", [2, 14, 17, 20, 21])
def test_resumed_early_stopping_ends_as_unbroken(tmp_path, step):
    with pytest.raises(KilledError):
        stopped_early(tmp_path / "killed", kill_at(step))
    resumed, report = stopped_early(tmp_path / "killed")
    unbroken, whole = stopped_early(tmp_path / "unbroken")
    assert same(resumed, unbroken)
    assert (report.epochs, report.validation_loss, report.loss) == (whole.epochs, whole.validation_loss, whole.loss)
    assert report.curve == whole.curve
    assert report.kept_epoch == 5


def test_a_stage_that_stopped_takes_its_best_weights_from_wherever_its_folder_was_moved(tmp_path):
    unbroken, whole = stopped_early(tmp_path / "first")
    (tmp_path / "first").rename(tmp_path / "moved")
    resumed, report = stopped_early(tmp_path / "moved")
    assert same(resumed, unbroken)
    assert (report.kept_epoch, report.validation_loss) == (whole.kept_epoch, whole.validation_loss)


def test_killed_after_it_stopped_it_takes_the_best_weights_and_trains_no_more(tmp_path, monkeypatch):
    def killed(*arguments):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(training._StageTrainer, "_load_best_model", killed)
        with pytest.raises(KilledError):
            stopped_early(tmp_path / "killed")
    steps = []
    resumed, report = stopped_early(tmp_path / "killed", lambda *seen: steps.append(seen))
    assert same(resumed, stopped_early(tmp_path / "unbroken")[0])
    assert (steps, report.items, report.epochs) == ([], 7 * 12, 7)


def test_resumed_with_dropout_and_accumulation_ends_as_unbroken(tmp_path):
    def run(folder, progress=None):
        return trained(folder, ToyNetwork(dropout=0.3), ToyItems(1), progress, batch_size=4, accumulate=2)[0]

    with pytest.raises(KilledError):
        run(tmp_path / "killed", kill_at(9))
    assert list((tmp_path / "killed").glob("checkpoint-*")), "an epoch was finished and kept"
    assert same(run(tmp_path / "killed"), run(tmp_path / "unbroken"))


def killed_after_an_epoch(folder):
    """A stage with dropout, killed in its second epoch, and the checkpoint that it left."""

    def kill(_, done, *__):
        if done == 8:
            raise KilledError

    with pytest.raises(KilledError):
        trained(folder, ToyNetwork(dropout=0.3), progress=kill)
    (checkpoint,) = folder.glob("checkpoint-*")
    return checkpoint


@pytest.mark.parametrize("damage", ["gone", "flipped"])
@pytest.mark.parametrize(
    "name",
    ["optimizer.pt", "scheduler.pt", "rng_state.pth", "model.safetensors", "trainer_state.json", "digests.json"],
)
def test_a_damaged_checkpoint_is_not_resumed_from_and_changes_no_weight(tmp_path, caplog, name, damage):
    path = killed_after_an_epoch(tmp_path / "killed") / name
    if damage == "gone":
        path.unlink()
    else:
        content = path.read_bytes()
        half = len(content) // 2
        path.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
    resumed, report = trained(tmp_path / "killed", ToyNetwork(dropout=0.3))
    assert "checkpoint-6 is not resumed from" in caplog.text
    assert report.items == 3 * ITEMS, "it began anew"
    unbroken, _ = trained(tmp_path / "unbroken", ToyNetwork(dropout=0.3))
    assert same(resumed, unbroken)


def test_patience_needs_validation_items_and_checkpoints(tmp_path):
    with pytest.raises(InputError, match="validation items"):
        trained(tmp_path, patience=1)
    work = Work(ToyItems(), default_collate, validation=ToyItems(1))
    with pytest.raises(InputError, match="checkpoints"):
        train_stage("toy", settings(patience=1), Learner(ToyNetwork()), work, tmp_path, checkpoints=False)


def test_validation_without_patience_changes_no_weight(tmp_path):
    plain, report = trained(tmp_path / "plain")
    validated, measured = trained(tmp_path / "validated", validation=ToyItems(1))
    assert same(plain, validated)
    assert report.validation_loss is None
    validated.eval()
    items = default_collate([ToyItems(1)[index] for index in range(ITEMS)])
    assert measured.validation_loss == pytest.approx(float(validated(**items)["loss"].detach()), rel=1e-4)


@pytest.mark.parametrize(
    ("losses", "patience", "over"),
    [
        ([3, 2, 1], 1, False),
        ([3, 2, 2], 1, True),
        ([3, 1, 2], 2, False),
        ([3, 1, 2, 1.5], 2, True),
        ([3, 1, 2, 0.5], 2, False),
        ([float("nan"), 1, 2], 1, True),
        ([float("nan")] * 4, 1, False),
        ([1, float("nan")], 1, True),
        ([1, 2, 3], None, False),
        ([], 1, False),
    ],
)
def test_when_it_is_over(losses, patience, over):
    history = [entry for loss in losses for entry in ({"loss": 9.0}, {"eval_loss": loss})]
    assert Criterion("loss", False, patience).is_over(history) is over


def test_where_nothing_can_be_measured_the_last_weights_are_kept_and_the_curve_is_json():
    nan = float("nan")
    criterion = Criterion("auroc", True, 3)
    assert [criterion.best(values) for values in ([nan, nan, nan], [nan, 0.5, nan], [0.1, nan])] == [2, 1, 0]
    history = [
        {"loss": 2.0, "step": 5, "epoch": 1.0, "learning_rate": 0.1, "ends": 1.0},
        {"eval_loss": 1.0, "eval_auroc": nan, "epoch": 1.0},
    ]
    assert curve(history) == [{"epoch": 1.0, "loss": 2.0, "learning_rate": 0.1, "validation_loss": 1.0}]


def judged(folder, progress=None, **changes):
    """As `stopped_early`, by a metric that is best where the weight is nearest to 0.42: after the seventh epoch."""
    number = Number()
    measures = Measures({"nearness": True}, lambda limit: {"nearness": -abs(float(number.weight.detach()) - 0.42)})
    work = Work(Targets(1.0), default_collate, validation=Targets(0.3), measures=measures)
    given = settings(**STOPPING | {"stop_on": "nearness"} | changes)
    return number, train_stage("number", given, Learner(number), work, folder, progress=progress)


def test_a_stage_stops_on_a_metric_and_keeps_its_best_epoch(tmp_path):
    number, report = judged(tmp_path)
    assert float(number.weight.detach()) == pytest.approx(0.42, abs=0.01)
    assert (report.epochs, report.kept_epoch, report.stop_on) == (9, 7, "nearness")
    assert report.kept_value == pytest.approx(0, abs=0.01)
    by_loss = min(report.curve, key=lambda entry: entry["validation_loss"])
    assert by_loss["epoch"] == 5, "the loss alone would have kept another epoch"


@pytest.mark.parametrize("step", [14, 22, 27])
def test_resumed_on_a_metric_it_ends_with_the_same_weights_and_curve(tmp_path, step):
    with pytest.raises(KilledError):
        judged(tmp_path / "killed", kill_at(step))
    resumed, report = judged(tmp_path / "killed")
    unbroken, whole = judged(tmp_path / "unbroken")
    assert same(resumed, unbroken)
    assert report.curve == whole.curve
    assert [entry["epoch"] for entry in report.curve] == list(range(1, 10))


def test_a_stage_cannot_stop_on_what_it_does_not_measure(tmp_path):
    with pytest.raises(InputError, match="cannot stop on 'bleu'; it measures loss, nearness"):
        judged(tmp_path, stop_on="bleu")


def test_what_does_not_reach_its_floor_is_said_in_log_and_record(tmp_path, caplog):
    _, reached = judged(tmp_path / "reached", floor=-0.1)
    assert not reached.below_floor
    assert "floor" not in caplog.text
    _, missed = judged(tmp_path / "missed", floor=0.1)
    assert missed.below_floor
    assert "number: the nearness kept is" in caplog.text
    assert json.loads((tmp_path / "missed" / "stage.json").read_text())["below_floor"] is True


def test_a_loss_above_its_floor_is_said_too(tmp_path):
    work = Work(Targets(1.0), default_collate, validation=Targets(0.31))
    assert train_stage("number", settings(**STOPPING | {"floor": 1e-6}), Learner(Number()), work, tmp_path).below_floor


def test_the_curve_has_the_mean_loss_of_each_epoch(tmp_path):
    _, report = trained(tmp_path, ToyNetwork(), ToyItems(1), batch_size=2)
    logged = json.loads(next(tmp_path.glob("checkpoint-*/trainer_state.json")).read_text())["log_history"]
    several = [entry for entry in logged if "loss" in entry and entry["epoch"] <= 1]
    assert len(several) == 2, "logged after 20 of 24 steps and at the end"
    assert report.curve[0]["loss"] == pytest.approx((20 * several[0]["loss"] + 4 * several[1]["loss"]) / 24)
    assert [sorted(entry) for entry in report.curve] == 3 * [["epoch", "learning_rate", "loss", "validation_loss"]]


def test_a_part_has_a_rate_of_its_own(tmp_path):
    start = dict(ToyNetwork().named_parameters())
    slow, _ = trained(tmp_path, ToyNetwork(), epochs=1, rates={"norm": 1e-9})
    moved = {name: float((p - start[name]).detach().abs().max()) for name, p in slow.named_parameters()}
    assert max(moved["norm.weight"], moved["norm.bias"]) < 1e-6
    assert min(moved["head.weight"], moved["head.bias"]) > 1e-3


class Normalized(ToyNetwork):
    """A toy whose encoder has statistics that training mode moves."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6))

    def forward(self, x, y):
        return super().forward(self.encoder(x), y)


@pytest.mark.parametrize(("rates", "kept"), [({"encoder": 0}, True), ({"encoder": 1e-5}, False), ({}, False)])
def test_a_rate_of_nothing_keeps_a_part_and_its_statistics(tmp_path, rates, kept):
    network = Normalized()
    start = copy.deepcopy(network.state_dict())
    trained(tmp_path, network, epochs=1, rates=rates)
    same = {name: bool(torch.equal(one, start[name])) for name, one in network.state_dict().items()}
    assert not same["head.weight"]
    assert same["encoder.1.running_mean"] is same["encoder.1.num_batches_tracked"] is kept
    assert (same["encoder.0.weight"] and same["encoder.1.weight"]) is kept
    assert all(one.requires_grad for one in network.encoder.parameters()), "the next stage may train it"


def test_a_stage_whose_every_rate_is_0_is_refused(tmp_path):
    with pytest.raises(InputError, match="every rate is 0"):
        trained(tmp_path, rates={"norm": 0, "head": 0})


def test_the_longest_name_of_a_part_decides_its_rate():
    rates = {"encoder": 1.0, "encoder.first": 2.0, "head": 3.0}
    names = ("model.encoder.last.w", "model.encoder.first.w", "head.w", "model.ahead.w")
    assert [rate_of(name, rates) for name in names] == [1.0, 2.0, 3.0, None]


def test_a_rate_for_what_is_not_trained_is_refused(tmp_path):
    with pytest.raises(InputError, match="rates for frozen, which is not trained; trained: head, norm"):
        trained(tmp_path, rates={"frozen": 1e-3})


@pytest.mark.parametrize(
    ("optimizer", "given"),
    [("adam", {"amsgrad": True, "betas": (0.8, 0.99)}), ("sgd", {"momentum": 0.5}), ("rmsprop", {"momentum": 0.5})],
)
def test_optimizers_take_the_steps_of_torchs_own(tmp_path, optimizer, given):
    plain = {"schedule": "constant", "warmup": 0, "max_gradient": 1e9, "weight_decay": 0, "batch_size": ITEMS}
    ours, _ = trained(tmp_path, ToyNetwork(), optimizer=optimizer, **plain, **given)
    theirs, items = ToyNetwork(), ToyItems()
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop}[optimizer]
    steps = kind([p for p in theirs.parameters() if p.requires_grad], lr=1e-2, **given)
    for epoch in range(3):
        items.set_epoch(epoch)
        steps.zero_grad()
        theirs(**default_collate([items[row] for row in range(ITEMS)]))["loss"].backward()
        steps.step()
    assert same(ours, theirs, atol=1e-5)
    assert not same(ours, ToyNetwork(), atol=1e-3)


def test_the_schedule_in_steps_decays_once_in_so_many_epochs(tmp_path):
    changes = {"epochs": 5, "schedule": "step", "decay": 0.5, "decay_every": 2, "warmup": 0}
    _, report = trained(tmp_path, ToyNetwork(), **changes)
    assert [entry["learning_rate"] for entry in report.curve] == pytest.approx([1e-2, 1e-2, 5e-3, 5e-3, 2.5e-3])


def test_time_and_memory_of_a_stage_are_in_its_record(tmp_path):
    _, report = trained(tmp_path)
    assert report.peak_memory > 2**20
    assert report.seconds > 0
    assert report.trained_parameters == sum(p.numel() for p in ToyNetwork().parameters() if p.requires_grad)


def test_accumulated_batches_step_as_one_large_batch(tmp_path):
    small, _ = trained(tmp_path / "small", batch_size=4, accumulate=2)
    large, _ = trained(tmp_path / "large", batch_size=8)
    assert same(small, large, atol=1e-6)


def test_bf16_computes_in_bfloat16_and_keeps_float32_weights(tmp_path):
    network, report = trained(tmp_path, bf16=True)
    assert network.seen_types == {torch.bfloat16}
    assert network.head.weight.dtype == torch.float32
    assert report.loss < 10


def test_progress_says_how_many_items_a_second(tmp_path):
    notes = []
    trained(tmp_path, validation=ToyItems(1), progress=lambda *seen: notes.append(seen))
    stage, done, total, note = notes[-1]
    assert (stage, done, total) == ("toy", 18, 18)
    assert note.startswith("loss ")
    assert "validation loss " in note
    assert int(note.split()[-2]) > 0
    assert note.endswith(" items/s")


def test_logs_for_tensorboard(tmp_path):
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed"
    )
    trained(tmp_path, validation=ToyItems(1))
    events = accumulators.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert {"train/loss", "eval/loss", "train/learning_rate"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("eval/loss")] == [6, 12, 18]


def test_without_tensorboard_there_is_no_log_of_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    trained(tmp_path)
    assert not (tmp_path / "tensorboard").exists()


def test_two_processes_train_what_one_does(tmp_path):
    """Two gloo processes with batches of 4 against one with batches of 8: same order, same steps, same weights."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    script = Path(__file__).with_name("toy_stage.py")
    two = tmp_path / "two"
    two.mkdir()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(script), str(two), "4"], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, report = trained(tmp_path / "one", validation=ToyItems(1), batch_size=8)
    ranks = [torch.load(two / f"weights-{rank}.pt") for rank in (0, 1)]
    for name, weight in one.state_dict().items():
        assert torch.equal(ranks[0][name], ranks[1][name]), f"the processes disagree on {name}"
        assert torch.allclose(weight, ranks[0][name], rtol=0, atol=1e-6), name
    theirs = json.loads((two / "stage.json").read_text())
    assert theirs["items"] == report.items == 3 * ITEMS
    assert theirs["validation_loss"] == pytest.approx(report.validation_loss, rel=1e-4)


class Loaded(nn.Module):
    """A new module around a part that was loaded, and so is in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.part = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).eval()
        self.modes = []

    def forward(self, target):
        self.modes.append(self.part.training)
        return {"loss": (self.part(target.view(-1, 1)) - target).square().mean()}


class Numbers(Targets):
    def __getitem__(self, index):
        return {"target": torch.tensor(float(index))}


@pytest.mark.parametrize("validate", [False, True])
def test_a_loaded_part_is_trained_in_training_mode(tmp_path, validate):
    network = Loaded()
    before = network.part[1].running_mean.clone()
    work = Work(Numbers(0.0), default_collate, validation=Numbers(0.0) if validate else None)
    train_stage("loaded", settings(), Learner(network), work, tmp_path)
    assert not torch.equal(network.cpu().part[1].running_mean, before)
    trained_in = [mode for mode in network.modes if mode]
    assert len(trained_in) >= 2
    assert (False in network.modes) is validate
    if validate:
        assert network.modes.index(False) < len(network.modes) - 1 - network.modes[::-1].index(True)


class Exploding(Number):
    """Its loss is too large to be a number once the weight has moved."""

    def forward(self, target):
        return {"loss": (self.weight - target).square().mean() * (1 if float(self.weight.detach()) == 0 else torch.inf)}


def test_a_training_that_diverged_is_an_error_and_resumed_still_is(tmp_path):
    for _ in range(2):
        work = Work(Targets(1.0), default_collate)
        with pytest.raises(InputError, match=r"diverged: 1 of 1 tensors are not finite \(weight\); .*\(given: 0.02\)"):
            train_stage(
                "number", settings(epochs=2, batch_size=4, learning_rate=0.02), Learner(Exploding()), work, tmp_path
            )
        assert not (tmp_path / "stage.json").exists()


def test_only_the_parts_that_are_named_are_trained(tmp_path):
    network = ToyNetwork()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    learner = Learner(network, [network.norm, network.head.bias])
    assert learner.trained == ["norm.weight", "norm.bias", "head.bias"]
    report = train_stage("toy", settings(), learner, Work(ToyItems(), default_collate), tmp_path)
    after = network.cpu().state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"norm.weight", "norm.bias", "head.bias"}
    assert report.trainable_share == pytest.approx(34 / (7 * 16 + 32 + 34))


def test_checkpoints_hold_no_pickled_arguments(tmp_path):
    trained(tmp_path)
    (checkpoint,) = tmp_path.glob("checkpoint-*")
    assert {"model.safetensors", "trainer_state.json"} <= {path.name for path in checkpoint.iterdir()}
    assert not (checkpoint / "training_args.bin").exists()
