"""A model on the ranks that train it: whole on each (DDP), or a share of every weight on each (FSDP2).

one rank                OneProcess    the model itself
several                 Replicated    DistributedDataParallel: gradients are averaged while they are computed
several, train.shard    Sharded       fully_shard by layer: weights, gradients and moments are spread over the ranks
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel
from typing_extensions import override

from spanbert.core.errors import InputError
from spanbert.encoder.blocks import Block
from spanbert.tasks.protocol import MicroBatch
from spanbert.train.model import TaskModel
from spanbert.train.ranks import Ranks
from spanbert.train.runtime import Runtime


class OneProcess:
    """A model that this process trains alone.

    Args:
        model: On its device.

    Attributes:
        model: That of the arguments.
        trained: What the optimiser moves; parameters are named as the model's.
    """

    def __init__(self, model: TaskModel) -> None:
        self.model = self.trained = model

    def losses(self, micro_batch: MicroBatch[Any]) -> dict[str, Tensor]:
        """The summed loss of each objective over a micro-batch."""
        found: dict[str, Tensor] = self.trained(micro_batch)
        return found

    @contextmanager
    def gradients(self, *, last: bool) -> Iterator[None]:
        """Around the forward and backward pass of a micro-batch.

        Args:
            last: It is the last one of the step, in which gradients are averaged over the ranks.
        """
        yield

    def clip(self, most: float) -> Tensor:
        """Bounds the norm of all gradients together; the norm before, a scalar."""
        return whole(torch.nn.utils.clip_grad_norm_(self.trained.parameters(), most))

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Puts weights of `model.tensors()` into what is trained."""
        self.trained.load_state_dict(tensors)

    def update_model(self) -> None:
        """Brings the first rank's `model` up to what was trained, for scoring and saving; all ranks call it."""


class Replicated(OneProcess):
    """A model that is whole on every rank.

    Args:
        model: The same on all ranks, on this one's device.
        some_rest: Some parameters get no gradient in some steps.
    """

    def __init__(self, model: TaskModel, *, some_rest: bool) -> None:
        super().__init__(model)
        model.touches_all = True
        self._wrapped = DistributedDataParallel(
            model,
            device_ids=[model.encoder.device] if model.encoder.device.type == "cuda" else None,
            gradient_as_bucket_view=True,
            find_unused_parameters=some_rest,
        )

    @override
    def losses(self, micro_batch: MicroBatch[Any]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = self._wrapped(micro_batch)
        return found

    @override
    @contextmanager
    def gradients(self, *, last: bool) -> Iterator[None]:
        if last:
            yield
        else:
            with self._wrapped.no_sync():
                yield


class Sharded(OneProcess):
    """A model of which every rank holds a share of each weight.

    Args:
        model: The same on all ranks, on this one's device; the first rank keeps it for scoring.
        ranks: Who trains.
    """

    def __init__(self, model: TaskModel, ranks: Ranks) -> None:
        super().__init__(model)
        device = model.encoder.device.type
        self.trained = copy.deepcopy(model, {id(model.task): model.task})
        self.trained.touches_all = True
        self._ranks = ranks
        mesh = init_device_mesh(device, (ranks.size,))
        for block in self.trained.encoder.blocks:
            fully_shard(block, mesh=mesh)
            if isinstance(block, Block):
                register_fsdp_forward_method(block, "of_rows")  # how the last one is called
        fully_shard(self.trained, mesh=mesh)
        if not ranks.is_first:
            model.to("meta")

    @override
    @contextmanager
    def gradients(self, *, last: bool) -> Iterator[None]:
        assert isinstance(self.trained, FSDPModule)
        self.trained.set_requires_gradient_sync(last)
        yield

    @override
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        own = self.trained.state_dict()
        self.trained.load_state_dict({name: placed_like(own[name], tensor) for name, tensor in tensors.items()})

    @override
    def update_model(self) -> None:
        values = {name: whole(tensor) for name, tensor in self.trained.state_dict().items()}
        if self._ranks.is_first:
            self.model.load_state_dict(values)


def parallel(model: TaskModel, runtime: Runtime, *, shard: bool, frozen: bool) -> OneProcess:
    """A model as this process trains it.

    Args:
        model: On the runtime's device.
        runtime: Says who trains.
        shard: Spread every weight over the ranks.
        frozen: The encoder is frozen for a part of the run.

    Raises:
        InputError: Settings that do not go together.
    """
    if runtime.ranks.size == 1:
        return OneProcess(model)
    if not shard:
        several_heads = isinstance(model.head, nn.ModuleDict) and len(model.head) > 1
        return Replicated(model, some_rest=frozen or several_heads)
    if frozen:
        raise InputError(
            "an encoder that is frozen for a while cannot be sharded", where="optim.frozen", got="train.shard=true"
        )
    return Sharded(model, runtime.ranks)


def whole(tensor: Tensor) -> Tensor:
    """A tensor of which every rank holds a share, whole on each; all ranks call it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def placed_like(own: Tensor | nn.Parameter, tensor: Tensor) -> Tensor:
    """A whole tensor, the same on all ranks, placed as another one is: on its device, or this rank's share."""
    if isinstance(own, DTensor):
        return distribute_tensor(tensor.to(own.device), own.device_mesh, own.placements, src_data_rank=None)
    return tensor.to(own.device, copy=True)
