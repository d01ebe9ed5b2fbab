"""The training container's first process: what it starts, and the signal that it hands on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from politico.errors import LimitError
from tests.support.paths import ROOT
from training.exit_codes import GPUS, OWN_THREADS, REASON_FILE
from training.launch import Machines, around, command, flags, folders, gpus, main
from training.loop.processes import Processes, joined

ALONE = Machines("algo-1", ["algo-1"], "eth0")
SECOND = Machines("algo-2", ["algo-1", "algo-2"], "eth0")


def test_settings_and_folders_are_flags(tmp_path: Path) -> None:
    for channel in ("corpus", "base", "source", "wheels"):
        (tmp_path / "input/data" / channel).mkdir(parents=True)
    assert flags({"width": "32", "heads": "2"}) == ["--heads", "2", "--width", "32"]
    given = dict(zip(*[iter(folders(tmp_path))] * 2, strict=True))
    assert given == {
        "--corpus": f"{tmp_path}/input/data/corpus",
        "--base": f"{tmp_path}/input/data/base",
        "--model_dir": f"{tmp_path}/model",
        "--output_dir": f"{tmp_path}/output/data",
    }


@pytest.mark.parametrize(
    ("machines", "listed", "launched"),
    [
        (ALONE, 0, None),
        (ALONE, 1, None),
        (ALONE, 4, ["--standalone", "--local-addr=127.0.0.1", "--nproc-per-node=4"]),
        (
            SECOND,
            8,
            ["--nnodes=2", "--node-rank=1", "--master-addr=algo-1", "--master-port=29500", "--nproc-per-node=8"],
        ),
        (SECOND, 0, ["--nnodes=2", "--node-rank=1", "--master-addr=algo-1", "--master-port=29500", "--nproc-per-node=1"]),
    ],
)
def test_there_is_one_process_a_gpu_over_all_machines(machines: Machines, listed: int, launched: list[str] | None) -> None:
    started = command(machines, listed, ["--stage", "base"])
    assert started[-3:] == ["training/train.py", "--stage", "base"]
    assert started[1:-3] == (["-u"] if launched is None else ["-m", "torch.distributed.run", *launched])


def test_gpus_are_counted_by_the_drivers_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == 0
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: one (UUID: 1)'\necho 'GPU 1: another (UUID: 2)'\n")
    tool.chmod(0o755)
    assert gpus() == 2
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert gpus() == 0


def laid_out(root: Path, program: str) -> Path:
    """A container with a training program of its own."""
    (root / "input/config").mkdir(parents=True)
    (root / "input/data").mkdir()
    (root / "input/config/hyperparameters.json").write_text(json.dumps({"stage": "base"}))
    (root / "input/config/resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))
    (root / "code/training").mkdir(parents=True)
    (root / "code/training/train.py").write_text(program)
    return root


def test_a_machine_whose_gpus_torch_does_not_see_does_not_train_on_its_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = laid_out(tmp_path, f"import os, sys; sys.exit(os.environ[{GPUS!r}] + ' listed')")
    (root / "output").mkdir()
    monkeypatch.chdir(root / "code")
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: one (UUID: 1)'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv(REASON_FILE, "")
    assert main(root) == 1
    seen = torch.cuda.device_count()
    with (
        pytest.raises(LimitError, match=f"has {seen + 1} GPUs and torch .* sees {seen} of them"),
        joined({GPUS: str(seen + 1)}),
    ):
        pass
    with joined({GPUS: str(seen + 1), "CUDA_VISIBLE_DEVICES": ""}) as alone:
        assert alone.world == 1


def test_threads_are_the_programs_to_choose_unless_somebody_asked_for_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert not {"OMP_NUM_THREADS", OWN_THREADS} & set(around(0))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        Processes(cores=4).use_threads(1)
        assert torch.get_num_threads() == 2, "what was asked for stays"
        monkeypatch.delenv("OMP_NUM_THREADS")
        for name, value in around(0).items():
            monkeypatch.setenv(name, value)
        Processes(cores=4).use_threads(10**9)
        assert torch.get_num_threads() == 4
        Processes(cores=4).use_threads(1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_program_that_dies_without_a_word_leaves_a_reason_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = laid_out(tmp_path, "import os; os.kill(os.getpid(), 9)")
    monkeypatch.chdir(root / "code")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(REASON_FILE, "")  # it names the file itself; what it sets goes again with the test
    assert main(root) == 137
    assert "was killed (exit code 137), most often for want of memory" in (root / "output/failure").read_text()


def test_a_program_that_ends_without_a_word_leaves_a_reason_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = laid_out(tmp_path, "import os; os._exit(3)")
    monkeypatch.chdir(root / "code")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(REASON_FILE, "")
    assert main(root) == 3
    assert "ended with exit code 3 and left no reason" in (root / "output/failure").read_text()


def test_sigterm_reaches_the_training_program_and_no_other_process_is_needed_for_it(tmp_path: Path) -> None:
    program = (
        "import pathlib, signal, sys, time\n"
        "def stop(*_): pathlib.Path(sys.argv[-1], 'saved').touch(); sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    root = laid_out(tmp_path, program)
    (root / "output/data").mkdir(parents=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-m", "training.launch", str(root)],
        cwd=root / "code",
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)  # to the first process alone, as SageMaker does
        assert process.wait(20) == 143
        assert time.monotonic() - began < 20
    assert (root / "output/data/saved").exists()
