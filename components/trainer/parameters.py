"""What a training is told, as one value: checked once, digested for caches, verdicts and checkpoints."""

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from weighbridge.common.digests import tree_digest, value_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.trainer.session import DEFAULT_SEED
from weighbridge.components.trainer.strategy import PrecisionName, StrategyName


class TrainingParameters(BaseModel):
    """Everything that decides what a `run_fn` does with its data.

    Attributes:
        run_fn: dotted name of the user's function.
        hyperparameters: what `fn_args.hyperparameters` holds; None where a Tuner's artifact gives them, or nothing.
        train_steps: `fn_args.train_steps`; 0 leaves it to the run_fn (it is given None, as TFX does).
        eval_steps: likewise.
        custom_config: the user's own entries of `fn_args.custom_config`.
        seed: of initialisation, dropout and shuffling.
        deterministic: whether the same seed must give the same weights, bit for bit.
        strategy: where to train.
        mixed_precision: Keras' dtype policy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    run_fn: str
    hyperparameters: dict[str, JsonValue] | None = None
    train_steps: int = Field(default=0, ge=0)
    eval_steps: int = Field(default=0, ge=0)
    custom_config: dict[str, JsonValue] = Field(default_factory=dict)
    seed: int = Field(default=DEFAULT_SEED, ge=0, lt=2**32)
    deterministic: bool = True
    strategy: StrategyName = "auto"
    mixed_precision: PrecisionName = "auto"

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Check values that a person gave.

        Raises:
            UsageError: one is of a wrong type or out of range, or `custom_config` holds a key that the Trainer sets.
        """
        try:
            parameters = cls(**values)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            raise UsageError(f"Trainer: {where}={problem['input']!r}: {problem['msg']}") from error
        taken = sorted(parameters.custom_config.keys() & _RESERVED)
        if taken:
            raise UsageError(
                f"Trainer: custom_config holds {', '.join(taken)}, which the Trainer itself sets",
                "Give seed, deterministic, strategy, mixed_precision, checkpoint_dir and statistics as arguments.",
            )
        return parameters

    @property
    def digest(self) -> str:
        """Digest of all values."""
        return value_digest(self.model_dump(mode="json"))

    def config(self, *, statistics_path: str = "", checkpoint_dir: str = "") -> dict[str, Any]:
        """`fn_args.custom_config`: the user's entries and those that `TrainingSession.from_fn_args` reads.

        Args:
            statistics_path: `FeatureStats.pb` of the train split; empty where no statistics were given.
            checkpoint_dir: folder of this one training's checkpoints; empty for none.
        """
        return {
            **self.custom_config,
            "seed": self.seed,
            "deterministic": self.deterministic,
            "strategy": self.strategy,
            "mixed_precision": self.mixed_precision,
            "statistics_path": statistics_path,
            "checkpoint_dir": checkpoint_dir,
        }


_RESERVED = {"seed", "deterministic", "strategy", "mixed_precision", "statistics_path", "checkpoint_dir"}


def checkpoint_folder(root: str, inputs: dict[str, tuple[str, str]], parameters: str, code: str) -> str:
    """The folder of one training's checkpoints: named by the digest of all that decides its outcome.

    Args:
        root: folder that holds the checkpoints of all trainings; empty to keep none.
        inputs: for each input artifact its folder and, where it is known, its content digest. Without one the names
            and sizes of large data, and the bytes of all else, stand for it.
        parameters: digest of the parameters.
        code: digest of the code.
    """
    if not root:
        return ""
    identities = {name: digest or _identity(name, uri) for name, (uri, digest) in inputs.items()}
    name = value_digest({"inputs": identities, "parameters": parameters, "code": code})
    return str(Path(root, name.removeprefix("sha256:")[:16]))


def _identity(name: str, uri: str) -> str:
    if name != "examples":
        return tree_digest(uri)
    sizes = ([path.relative_to(uri).as_posix(), path.stat().st_size] for path in Path(uri).rglob("*") if path.is_file())
    return value_digest([uri, sorted(sizes)])
