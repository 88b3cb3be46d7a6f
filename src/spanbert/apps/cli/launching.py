"""`--nproc N`: the same command in N processes that train together, started by torch's own launcher (torchrun)."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from spanbert.core.errors import InputError
from spanbert.core.ranks import restarts, world_size
from spanbert.core.threads import usable_cores

_OWN = ("--nproc", "--max-restarts")
NprocOption = Annotated[
    int,
    typer.Option(
        metavar="N", help="Processes that train together on this machine: one a GPU, or a share of the cores.", min=1
    ),
]
ShardOption = Annotated[
    bool, typer.Option("--shard", help="With several: each holds a share of every weight (FSDP2), for large models.")
]
RestartsOption = Annotated[
    int,
    typer.Option(metavar="N", help="With --nproc: how often to start them anew, and resume, after a failure.", min=0),
]


def launch_if_asked(processes: int, max_restarts: int) -> None:
    """Runs the command line of this process in several ones, and exits as they did; returns where one was asked for.

    Args:
        processes: How many.
        max_restarts: How often they are started anew when one of them fails.

    Raises:
        InputError: More than one within processes that a launcher started, or restarts of a single one.
    """
    if processes == 1 and max_restarts and world_size() == 1:
        raise InputError("one process is not started anew", where="--max-restarts", expected="--nproc N, N > 1")
    if processes == 1:
        return
    if world_size() > 1:
        raise InputError(
            "several processes within each of several", where="--nproc", got=f"{world_size()} started by a launcher"
        )
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the processes speak for themselves
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, usable_cores() // processes)))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id="spanbert",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=max_restarts,
    )
    arguments = _without_own(sys.argv[1:])
    try:
        elastic_launch(config, sys.executable)("-m", "spanbert", *arguments)
    except ChildFailedError as error:
        _, first = error.get_first_failure()
        raise typer.Exit(first.exitcode if first.exitcode > 0 else 128 - first.exitcode) from None
    except SignalException as error:
        raise typer.Exit(128 + error.sigval) from None
    raise typer.Exit


def require_one_process(processes: int) -> None:
    """Refuses several processes for what trains several models.

    Args:
        processes: `--nproc`.

    Raises:
        InputError: More than one, or processes that a launcher started.
    """
    if processes > 1 or world_size() > 1:
        raise InputError(
            "several seeds or rates are tried by one process",
            got=f"{max(processes, world_size())} processes",
            remedy="Leave --nproc out, or --seeds and --tune",
        )


def resumes(asked: bool) -> bool:
    """Whether a run continues: the user asked for it, or its processes were started anew."""
    return asked or restarts() > 0


def _without_own(arguments: list[str]) -> list[str]:
    kept: list[str] = []
    rest = iter(arguments)
    for one in rest:
        if one in _OWN:
            next(rest, None)
        elif not one.startswith(tuple(f"{name}=" for name in _OWN)):
            kept.append(one)
    return kept
