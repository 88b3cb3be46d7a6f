"""AdamW over named parameter groups, and its state by parameter name (no pickle)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from spanbert.train.config import OptimConfig
from spanbert.train.parallel import placed_like

_BLOCK = re.compile(r"encoder\.blocks\.(\d+)\.")


def make_optimizer(model: nn.Module, config: OptimConfig, *, layer_decay: float = 1.0) -> torch.optim.AdamW:
    """Fused AdamW; encoder and heads with rates of their own, no decay on biases and norms.

    Args:
        model: Its parameters begin with `encoder.` or `head.`; those without gradient are left out.
        config: Rates and decay.
        layer_decay: Each layer's rate is that of the layer above times this; the embeddings are below the first layer.
    """
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    layers = 1 + max((int(match[1]) for name in names if (match := _BLOCK.match(name))), default=-1)
    head_lr = config.lr if config.head_lr is None else config.head_lr
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            match = _BLOCK.match(name)
            below = layers - (int(match[1]) + 1 if match else 0)
            rate = config.lr * layer_decay**below if name.startswith("encoder.") else head_lr
            groups.setdefault((rate, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "peak_lr": rate,
                "weight_decay": config.weight_decay if decayed else 0.0,
            }
            for (rate, decayed), parameters in groups.items()
        ],
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
        fused=True,
    )


def set_rates(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Sets each group's rate to its peak times the schedule's factor."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * factor


def optimizer_tensors(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """The state as `<parameter>.<slot>` to tensor."""
    return {
        f"{name}.{slot}": tensor
        for name, parameter in model.named_parameters()
        if parameter in optimizer.state
        for slot, tensor in optimizer.state[parameter].items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Puts a state of `optimizer_tensors` back, each tensor where its parameter is."""
    parameters = dict(model.named_parameters())
    for key, tensor in tensors.items():
        name, _, slot = key.rpartition(".")
        parameter = parameters[name]
        is_count = not tensor.ndim  # of steps, the same for all shares of a parameter
        placed = tensor.to(parameter.device, copy=True) if is_count else placed_like(parameter, tensor)
        optimizer.state[parameter][slot] = placed
