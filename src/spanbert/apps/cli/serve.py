"""`spanbert serve`: bundles as an HTTP service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spanbert.apps.cli.options import DeviceOption, PrecisionOption, ThreadsOption, examples, say
from spanbert.core.device import device_name

EXAMPLES = examples(
    ("A bundle on this machine", "spanbert serve ner/"),
    ("Ask it", """curl localhost:8080/v1/token-classification --json '{"inputs": "Ann left Rome."}'"""),
    (
        "Two bundles, two processes, with keys, for others",
        "spanbert serve ner/ qa=models/squad --host 0.0.0.0 --workers 2 --api-keys keys.txt",
    ),
)


def command(
    bundles: Annotated[
        list[str],
        typer.Argument(metavar="BUNDLE...", help="Bundles or Hugging Face directories; NAME=PATH gives one a name."),
    ],
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0: all of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0: any that is free.", min=0, max=65535)] = 8080,
    workers: Annotated[int, typer.Option(help="Processes, each with its own copy of the models.", min=1)] = 1,
    threads: ThreadsOption = None,
    precision: PrecisionOption = "auto",
    device: DeviceOption = None,
    api_keys: Annotated[
        Path | None,
        typer.Option(
            help="File of keys that clients must have, one a line; NAME: KEY names a client.", show_default=False
        ),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Let pages of this origin ask from a browser.", show_default=False),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a limit: max_length=50000.", show_default=False),
    ] = None,
) -> None:
    """Serves bundles over HTTP, all tasks of each; texts of any length are read whole.

    Addresses are /v1/TASK and /models/NAME/TASK, bodies those of Hugging Face's tasks; /docs lists them. SIGTERM ends
    it after the requests that it has; SIGHUP loads the bundles and the keys again without losing one.
    """
    from spanbert.apps.serve.config import ServeConfig, ServePlan, model_places
    from spanbert.apps.serve.keys import Keys
    from spanbert.apps.serve.supervisor import serve
    from spanbert.core.missing import require_library
    from spanbert.core.threads import usable_cores
    from spanbert.pipelines.load import load

    places = model_places(bundles)
    limits = ServeConfig.assemble(overrides=set_ or [])
    for place in places:
        loaded = load(place.path, precision=precision)  # type: ignore[arg-type]  # load refuses, here and not in workers
        _ = loaded.tasks
        if loaded.files.runtime in (None, "torch"):
            require_library("torch")
    if api_keys is not None:
        Keys.read(api_keys)
    plan = ServePlan(
        models=places,
        limits=limits,
        device=device_name(device, "--device"),
        precision=precision,
        threads=threads if threads is not None or workers == 1 else max(1, usable_cores() // workers),
        keys=None if api_keys is None else api_keys.resolve(),
        origins=tuple(cors or ()),
    )
    if api_keys is None and host not in ("127.0.0.1", "::1", "localhost"):
        say("Everybody who reaches this machine may ask: --api-keys FILE asks for keys.")
    names = ", ".join(place.name for place in places)
    serve(
        plan, host=host, port=port, workers=workers, tell=lambda address: say(f"{names}: {address}  ({address}/docs)")
    )
