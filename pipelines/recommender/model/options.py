"""What `custom_config` and `hyperparameters` can set of the model."""

from typing import Literal

from pydantic import Field

from weighbridge.components.trainer import ModelOptions


class RecommenderOptions(ModelOptions):
    """Options of model and training.

    Attributes:
        epochs: passes over the training rows.
        batch_size: customers in a step.
        targets: purchases of each customer that a step learns from, drawn anew in every epoch, of the at most
            `read.WIDEST` that are kept.
        dim: width of both towers' vectors.
        learning_rate: Adam's, at its highest.
        dropout: share of the customers' vectors that is dropped in training.
        cold_items: share of items whose own vector is hidden in a step, so that the text learns to stand in for it.
        closeness: length of the vectors that training starts from: how much a co-purchase counts beside a purchase.
        warm_start: whether vectors start from those of the model in production, where there is one.
        index: `exact` compares with every item; `approximate` with the nearest cells of an index; `auto` decides by
            the size of the catalogue.
        exact_items: most items that `auto` compares with exactly.
        scales: how many times larger catalogues are exported as well, to be timed.
    """

    epochs: int = Field(default=3, ge=1)
    batch_size: int = Field(default=256, ge=1)
    targets: int = Field(default=8, ge=1, le=128)
    dim: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=2e-4, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    cold_items: float = Field(default=0.1, ge=0, lt=1)
    closeness: float = Field(default=16.0, gt=0)
    warm_start: bool = True
    index: Literal["auto", "exact", "approximate"] = "auto"
    exact_items: int = Field(default=100_000, ge=1)
    scales: tuple[int, ...] = (10, 100)
