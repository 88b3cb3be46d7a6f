"""The same service on a Ray cluster: replicas on any of its machines, as many as requests need, behind Ray's proxy.

    serve deploy recipes/serve/ray.yaml                       or in Python:
    ray.serve.run(build(ClusterPlan(bundles=["names"], replicas=2)))

Each replica is the application of a worker process, with its own models and its own queue. What waits for a replica
waits at Ray's proxy, and is bounded there too. Figures of `/metrics` are those of one replica; Ray's own add up. New
bundles are served by deploying again, which replaces replicas one by one.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from spanbert.apps.serve.app import make_app
from spanbert.apps.serve.config import ServeConfig, ServePlan, model_places
from spanbert.apps.serve.models import limit_threads
from spanbert.core.device import AUTO, device_name
from spanbert.core.errors import InputError
from spanbert.core.missing import how_to_get

if TYPE_CHECKING:
    from ray.serve import Application


class ClusterPlan(BaseModel):
    """What is served, by how many replicas, and how much may wait.

    Attributes:
        bundles: As on the command line: `PATH` or `NAME=PATH`, which every machine must see, or ids on the hub.
        replicas: So many at least.
        most_replicas: So many at most, as requests need them; None: always `replicas`.
        busy: Requests of a replica from which another one is started, on average.
        at_once: Requests that a replica has at once, at most.
        waiting: Requests that wait for a replica, at most; more are answered with 503.
        cpus: Cores of a replica.
        gpus: Cards of a replica, or a share of one.
        device: What computes.
        precision: Of the models' products.
        limits: Of a replica.
        keys: File of the keys that clients must have; None: everybody may ask.
        origins: Whose pages may ask from a browser (CORS).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    bundles: list[str]
    replicas: int = Field(default=1, ge=1)
    most_replicas: int | None = Field(default=None, ge=1)
    busy: float = Field(default=32.0, gt=0)
    at_once: int = Field(default=256, ge=1)
    waiting: int = Field(default=1024, ge=1)
    cpus: int = Field(default=1, ge=1)
    gpus: float = Field(default=0.0, ge=0)
    device: str = AUTO
    precision: str = "auto"
    limits: ServeConfig = ServeConfig()
    keys: Path | None = None
    origins: tuple[str, ...] = ()


def build(plan: ClusterPlan) -> "Application":  # Ray reads the type, which must not be a string
    """The application for `ray.serve.run` and for the configuration files of Ray Serve.

    Args:
        plan: What is served.

    Raises:
        InputError: A name that addresses cannot have, no such device, or Ray is not installed.
    """
    try:
        from ray import serve
    except ModuleNotFoundError:
        raise InputError("Ray is not installed", remedy=how_to_get("ray")) from None
    of_replica = ServePlan(
        models=model_places(plan.bundles),
        limits=plan.limits,
        device=device_name(plan.device),
        precision=plan.precision,
        threads=plan.cpus,
        keys=plan.keys,
        origins=plan.origins,
    )

    def app() -> FastAPI:
        limit_threads(of_replica.threads)
        return make_app(of_replica)

    most = plan.replicas if plan.most_replicas is None else plan.most_replicas

    replica = serve.deployment(
        serve.ingress(app)(),
        name="replica",
        autoscaling_config={
            "min_replicas": plan.replicas,
            "max_replicas": max(plan.replicas, most),
            "target_ongoing_requests": plan.busy,
        },
        max_ongoing_requests=plan.at_once,
        max_queued_requests=plan.waiting,
        ray_actor_options={"num_cpus": plan.cpus, "num_gpus": plan.gpus},
        graceful_shutdown_timeout_s=plan.limits.drain_time,
    )
    return replica.bind()
