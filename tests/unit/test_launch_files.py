"""The launch files of recipes/launch are well-formed, and what they run is what the program takes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from torch.distributed.run import get_args_parser

from spanbert import PretrainConfig
from spanbert.apps.cli.main import app
from spanbert.train.config import budget_overrides

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / "recipes" / "launch"
FILES = sorted(path.name for path in LAUNCH.iterdir())
YAML = [name for name in FILES if name.endswith(".yaml")]
NUMBERS = {
    "$MASTER_PORT",
    "$GPUS",
    "$SLURM_NNODES",
    "$SKYPILOT_NUM_NODES",
    "$SKYPILOT_NUM_GPUS_PER_NODE",
    "$SKYPILOT_NODE_RANK",
}
NODE_RANK = "${PET_NODE_RANK:-$RANK}"


def text_of(name: str) -> str:
    return (LAUNCH / name).read_text(encoding="utf-8")


def read(name: str) -> Any:
    return yaml.safe_load(text_of(name))


def pods(job: Any) -> list[Any]:
    """Specs of the pods of a PyTorchJob or RayJob."""
    spec = job["spec"]
    if job["kind"] == "PyTorchJob":
        return [replica["template"]["spec"] for replica in spec["pytorchReplicaSpecs"].values()]
    cluster = spec["rayClusterSpec"]
    return [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def commands(name: str) -> list[list[str]]:
    """What a file runs, as words from `torchrun` on."""
    if name == "slurm.sbatch":
        scripts = [text_of(name)]
    elif name == "skypilot.yaml":
        scripts = [read(name)["run"]]
    elif name == "rayjob.yaml":
        scripts = [read(name)["spec"]["entrypoint"]]
    elif name == "pytorchjob.yaml":
        scripts = [pod["containers"][0]["command"][2] for pod in pods(read(name))]
    else:
        trainer = read(name)["spec"]["trainer"]
        return [[*trainer["command"], *trainer["args"]]]
    found = []
    for script in scripts:
        lines = script.replace("\\\n", " ").splitlines()
        [line] = [
            one for one in lines if re.search(r"\btorchrun --", re.sub(r"\s+", " ", one)) and not one.startswith("#")
        ]
        words = shlex.split(line.rstrip(" &"))
        found.append(words[words.index("torchrun") :])
    return found


@pytest.mark.parametrize("name", FILES)
def test_options_of_torchrun_and_of_spanbert_exist(name):
    assert commands(name)
    for words in commands(name):
        known = [("2" if word in NUMBERS or word == NODE_RANK else word) for word in words]
        launcher = get_args_parser().parse_args(known[1:])
        assert (launcher.module, launcher.training_script) == (True, "spanbert")
        verb, *arguments = launcher.training_script_args
        program: Any = typer.main.get_command(app)
        assert verb == "pretrain"
        parsed = program.commands[verb].make_context(verb, list(arguments)).params
        assert parsed["resume"] is True  # a job that is started again goes on
        assert str(parsed["out"]).startswith(("/shared/", "$OUT"))
        assert str(parsed["store"]).startswith(("/shared/", "$STORE"))
        settings = PretrainConfig.assemble(overrides=[*budget_overrides(parsed["budget"]), *parsed["set_"]])
        assert settings.train.max_tokens


@pytest.mark.parametrize("name", FILES)
def test_environment_is_offline_and_leaves_time_to_save(name):
    text = text_of(name)
    assert re.search(r"HF_HUB_OFFLINE\W+(?:value: )?\"?1", text)
    assert "NCCL_DEBUG" in text
    assert "OMP_NUM_THREADS" in text
    seconds = int(re.search(r"TORCH_ELASTIC_SHUTDOWN_TIMEOUT\W+(?:value: )?\"?(\d+)", text)[1])
    grace = {"slurm.sbatch": 120, "trainjob.yaml": 30}.get(name, 120)
    assert 20 <= seconds < grace


def test_slurm_script_is_bash_with_known_directives():
    path = LAUNCH / "slurm.sbatch"
    subprocess.run(["bash", "-n", str(path)], check=True)
    lines = text_of(path.name).splitlines()
    directives = dict(
        line.removeprefix("#SBATCH --").partition("=")[::2] for line in lines if line.startswith("#SBATCH")
    )
    assert directives["signal"] == "B:TERM@120"
    assert directives["ntasks-per-node"] == "1"  # one torchrun a machine, which starts the others
    assert {"nodes", "gpus-per-node", "time", "requeue", "output"} <= directives.keys()
    first_command = next(number for number, line in enumerate(lines) if line and not line.startswith("#"))
    assert not any(line.startswith("#SBATCH") for line in lines[first_command:])  # Slurm reads no further


def test_slurm_script_passes_the_signal_on_waits_and_queues_the_job_again(tmp_path):
    """The script with stand-ins for Slurm's commands; the run notes the signal and ends as `spanbert` does."""
    programs = {
        "scontrol": f'[[ $1 == show ]] && echo host1 || echo "$@" >> {tmp_path}/requeued',
        "srun": f'trap "echo saved > {tmp_path}/saved; exit 143" TERM; echo "$@" > {tmp_path}/words; '
        'for i in {1..500}; do kill -TERM "$PPID"; read -t 0.02 < <(:) || true; done; exit 9',
    }
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "activate").touch()
    for name, body in programs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "VENV": str(tmp_path),
        "SLURM_JOB_ID": "7",
        "SLURM_NNODES": "2",
        "SLURM_CPUS_PER_TASK": "64",
        "SLURM_JOB_NODELIST": "host[1-2]",
    }
    done = subprocess.run(
        ["bash", str(LAUNCH / "slurm.sbatch")], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (143, "")
    assert (tmp_path / "saved").read_text() == "saved\n"
    assert (tmp_path / "requeued").read_text() == "requeue 7\n"
    assert "--rdzv-endpoint host1:29500" in (tmp_path / "words").read_text()


@pytest.mark.parametrize("name", YAML)
def test_yaml_has_one_document_without_repeated_keys(name):
    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
            assert len(keys) == len(set(keys)), f"{name}: {keys}"
            return super().construct_mapping(node, deep=deep)

    assert isinstance(yaml.load(text_of(name), Loader=Strict), dict)


def test_pytorchjob_has_what_its_schema_requires():
    job = read("pytorchjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v1", "PyTorchJob")
    replicas = job["spec"]["pytorchReplicaSpecs"]
    assert replicas.keys() == {"Master", "Worker"}
    assert replicas["Master"]["replicas"] == 1
    machines = sum(one["replicas"] for one in replicas.values())
    for replica in replicas.values():
        assert replica["restartPolicy"] in ("Always", "OnFailure", "Never", "ExitCode")
        [container] = replica["template"]["spec"]["containers"]
        assert container["name"] == "pytorch"  # the operator sets the environment of this one alone
        words = shlex.split(container["command"][2])
        assert words[words.index("--nnodes") + 1] == str(machines)
        assert words[words.index("--nproc-per-node") + 1] == str(container["resources"]["limits"]["nvidia.com/gpu"])


def test_trainjob_has_what_its_schema_requires():
    job = read("trainjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("trainer.kubeflow.org/v1alpha1", "TrainJob")
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", job["metadata"]["name"])
    spec = job["spec"]
    assert spec["runtimeRef"]["name"]
    assert spec.keys() <= {"runtimeRef", "trainer", "runtimePatches", "suspend", "managedBy", "activeDeadlineSeconds"}
    trainer = spec["trainer"]
    assert trainer.keys() <= {"image", "command", "args", "env", "numNodes", "numProcPerNode", "resourcesPerNode"}
    assert trainer["numProcPerNode"] == trainer["resourcesPerNode"]["limits"]["nvidia.com/gpu"]
    [patch] = spec["runtimePatches"]
    assert patch.keys() == {"manager", "trainingRuntimeSpec"}
    [node] = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    pod = node["template"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert (node["name"], container["name"]) == ("node", "node")
    assert container.keys() <= {"name", "volumeMounts", "securityContext"}  # `env` of it is the trainer's
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}


@pytest.mark.parametrize("name", ["pytorchjob.yaml", "rayjob.yaml"])
def test_pods_mount_volumes_that_they_have(name):
    for pod in pods(read(name)):
        for container in pod["containers"]:
            mounted = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
            assert mounted.keys() <= {one["name"] for one in pod["volumes"]}
            assert mounted["shared"] == "/shared"


def test_rayjob_asks_for_the_gpus_that_it_uses():
    job = read("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert {"entrypoint", "rayClusterSpec"} <= job["spec"].keys()
    environment = yaml.safe_load(job["spec"]["runtimeEnvYAML"])["env_vars"]
    assert all(isinstance(value, str) for value in environment.values())
    words = shlex.split(job["spec"]["entrypoint"])
    gpus = pods(job)[1]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
    assert int(words[words.index("--nproc-per-node") + 1]) == job["spec"]["entrypointNumGpus"] == gpus


def test_skypilot_keeps_store_and_run_on_its_volume():
    task = read("skypilot.yaml")
    assert task["num_nodes"] == 2
    assert re.fullmatch(r"\w+:\d+", task["resources"]["accelerators"])
    [place] = task["volumes"]
    assert all(task["envs"][name].startswith(f"{place}/") for name in ("STORE", "OUT"))
    for script in (task["setup"], task["run"]):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_the_page_names_every_file():
    page = (ROOT / "docs" / "SCALING.md").read_text(encoding="utf-8")
    assert [name for name in FILES if f"| `{name}` |" not in page] == []
