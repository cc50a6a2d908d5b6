"""What a model lets its pipeline set: a typed reading of `custom_config` and `hyperparameters`."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from weighbridge.common.errors import UsageError

_TUNERS_OWN = "tuner/"


class ModelOptions(BaseModel):
    """Base of a model's options; a subclass names them, with types, bounds and defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, fn_args: Any) -> Self:
        """Read the options from FnArgs; `hyperparameters` (a Tuner's, or plain) win over `custom_config`.

        What else stands in `custom_config` is not the model's and is left alone.

        Raises:
            UsageError: a value is not allowed, or a hyperparameter is unknown.
        """
        config = {key: value for key, value in (fn_args.custom_config or {}).items() if key in cls.model_fields}
        tuned = fn_args.hyperparameters or {}
        tuned = tuned.get("values", tuned)
        # A Tuner keeps notes of its own there, such as Hyperband's `tuner/epochs`.
        chosen = {key: value for key, value in tuned.items() if not key.startswith(_TUNERS_OWN)}
        try:
            return cls(**(config | chosen))
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "options"
            raise UsageError(
                f"The model's option {where}={problem['input']!r}: {problem['msg']}",
                f"Options: {', '.join(cls.model_fields)}.",
            ) from error
