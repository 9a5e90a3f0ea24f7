#!/usr/bin/env python3
"""temper under a real Slurm (cluster.py): each scenario submits runs with `temper submit` and looks
at how they end.

    run_scenarios.py --bin DIR [SCENARIO...]    (all without names; --list shows them)
"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from cluster import Cluster, PROGRAMS, find_program

CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512,
          "hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2,
          "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
          "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False,
          "rope_theta": 10000.0, "bos_token_id": 0, "eos_token_id": 1, "initializer_range": 0.02}


class Failure(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Failure(message)


class Bench:
    """A base model, a corpus and ways to run temper on the cluster."""

    def __init__(self, folder, binaries, cluster):
        self.folder = folder
        self.cluster = cluster
        self.temper_program = binaries / "temper"
        self.temper("synth", "-o", "corpus", "--seed", "1")
        self.corpus = "corpus/specialist_train.jsonl"
        self.temper("new-tokenizer", self.corpus, "--vocab-size", "512", "-o", "tokenizer.json")
        (folder / "config.json").write_text(json.dumps(CONFIG))
        self.temper("new-model", "--config", "config.json", "--tokenizer", "tokenizer.json", "-o",
                    "base")
        self.temper("pack", self.corpus, "-o", "train.h5", "--model", "base", "--sequence-len",
                    "128")

    def temper(self, *arguments, expect=0):
        run = subprocess.run([self.temper_program, *map(str, arguments)], cwd=self.folder,
                             env=self.cluster.environment, capture_output=True, text=True)
        check(run.returncode == expect, f"temper {' '.join(map(str, arguments))}: exit code "
              f"{run.returncode}, expected {expect}\n{run.stdout}{run.stderr}")
        return run.stdout if expect == 0 else run.stderr

    def write_yaml(self, name, steps, slurm="", more=""):
        # Both virtual nodes are one machine: srun's PMIx would find its own files twice, Open MPI's
        # shared memory its own segments.
        (self.folder / f"{name}.yaml").write_text(f"""\
base_model: base
datasets: [{{path: train.h5}}]
output_dir: runs/{name}
micro_batch_size: 2
global_batch_size: 8
max_steps: {steps}
learning_rate: 1.0e-3
lr_scheduler: constant
logging_steps: 20
save_total_limit: 0
slurm:
  nodes: 2
  ntasks_per_node: 2
  launcher: mpirun
  env: {{OMPI_MCA_btl: "tcp,self"}}
{slurm}
{more}
""")
        return f"{name}.yaml"

    def submit(self, yaml, *more):
        return json.loads(self.temper("submit", yaml, "--json", *more))["job_id"]

    def status(self, name):
        run = subprocess.run([self.temper_program, "status", f"runs/{name}", "--json"],
                             cwd=self.folder, env=self.cluster.environment, capture_output=True,
                             text=True)
        return json.loads(run.stdout) if run.returncode == 0 else {}

    def log(self, name):
        logs = sorted((self.folder / "runs" / name / "logs").glob("slurm-*.log"))
        return "".join(path.read_text(errors="replace") for path in logs)

    def wait(self, name, condition, what, seconds=120):
        """Until condition(status) holds."""
        deadline = time.monotonic() + seconds
        while True:
            status = self.status(name)
            if condition(status):
                return status
            if time.monotonic() > deadline:
                raise Failure(f"{name}: not {what} within {seconds} s: {json.dumps(status)}\n"
                              f"{self.log(name)}\n{self.cluster.slurm('squeue')}\n"
                              f"{self.cluster.logs()}")
            time.sleep(0.5)

    def wait_for_step(self, name, step, seconds=120):
        return self.wait(name, lambda s: s.get("state") == "training" and s.get("step", 0) >= step,
                         f"at step {step}", seconds)

    def wait_finished(self, name, seconds=240):
        return self.wait(name, lambda s: s.get("state") == "finished", "finished", seconds)

    def wait_job_gone(self, job_id, seconds=60):
        deadline = time.monotonic() + seconds
        while self.cluster.slurm("squeue", "--noheader", f"--jobs={job_id}", check=False):
            check(time.monotonic() < deadline, f"job {job_id} is still in the queue")
            time.sleep(0.5)

    def hash(self, name):
        latest = json.loads(self.temper("inspect", f"runs/{name}", "--json"))["latest"]
        return latest["step"], latest["state_hash"]

    def signal_rank(self, name, number):
        """Sends the signal to one of the run's ranks."""
        pattern = f"temper-rank train {self.folder}/{name}.yaml"
        ranks = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True).stdout
        check(len(ranks.split()) >= 2, f"{name}: ranks {ranks.split()}")
        os.kill(int(ranks.split()[-1]), number)

    def check_same_as_undisturbed(self, name, yaml):
        reference = f"{name}-undisturbed"
        self.temper("train", yaml, "--nproc", "4", "--launcher", "mpirun", "--set",
                    f"output_dir=runs/{reference}")
        check(self.hash(name) == self.hash(reference),
              f"{name} ended as {self.hash(name)}, undisturbed it is {self.hash(reference)}")

    def check_requeues(self, name, expected):
        record = json.loads((self.folder / "runs" / name / "job.json").read_text())
        check(record["total_requeues"] == expected,
              f"{name} was queued again {record['total_requeues']} times, expected {expected}\n"
              f"{self.log(name)}")
        return record


def requeue(bench):
    """USR1 to the batch shell: checkpoint, the same job again, the same end as undisturbed."""
    yaml = bench.write_yaml("requeue", steps=150)
    job = bench.submit(yaml)
    bench.wait_for_step("requeue", 20)
    refused = bench.temper("submit", yaml, expect=2)
    check("nothing was submitted" in refused, refused)
    bench.cluster.slurm("scancel", "--signal=USR1", "--batch", job)
    bench.wait_finished("requeue")
    bench.check_requeues("requeue", 1)
    log = bench.log("requeue")
    check("the job goes back into the queue" in log and "continuing after step" in log,
          f"the log does not go on: {log}")
    bench.wait_job_gone(job)
    bench.check_same_as_undisturbed("requeue", yaml)


def srun(bench):
    """launcher: auto takes srun where it has PMIx; USR1 reaches the ranks through it."""
    yaml = bench.write_yaml("srun", steps=150)
    more = ["--set", "slurm.nodes=1", "--set", "slurm.launcher=auto"]
    job = bench.submit(yaml, *more)
    bench.wait_for_step("srun", 20)
    bench.cluster.slurm("scancel", "--signal=USR1", "--batch", job)
    bench.wait_finished("srun")
    bench.check_requeues("srun", 1)
    check("with srun: it has the plugin pmix" in bench.log("srun"), bench.log("srun"))
    bench.wait_job_gone(job)
    bench.check_same_as_undisturbed("srun", yaml)


def refusals(bench):
    """What Slurm refuses is shown in its own words, and nothing is submitted."""
    yaml = bench.write_yaml("refused", steps=10)
    text = bench.temper("submit", yaml, "--set", "slurm.partition=nowhere", expect=2)
    check("invalid partition" in text.lower(), text)
    text = bench.temper("submit", yaml, "--set", "slurm.nodes=3", "--set", "global_batch_size=12",
                        "--overwrite", expect=2)
    check("nothing was submitted: Batch job submission failed" in text, text)
    check(bench.cluster.slurm("squeue", "--noheader") == "", "a job is in the queue")


def time_limit(bench):
    """The time limit hits at least twice."""
    yaml = bench.write_yaml("limit", steps=100000, slurm="  time: \"1\"\n  signal_seconds: 15")
    # So many steps that two limits of a minute fall into them: measured, as machines differ.
    bench.temper("train", yaml, "--nproc", "4", "--launcher", "mpirun", "--set",
                 "output_dir=runs/pace", "--set", "max_steps=60")
    lines = (bench.folder / "runs/pace/metrics.jsonl").read_text().splitlines()
    seconds = sorted(json.loads(line).get("seconds", 0) for line in lines
                     if '"event":"step"' in line)
    steps = int(100 / seconds[len(seconds) // 2])
    yaml = bench.write_yaml("limit", steps=steps, slurm="  time: \"1\"\n  signal_seconds: 15")
    job = bench.submit(yaml)
    bench.wait_finished("limit", seconds=900)
    record = json.loads((bench.folder / "runs/limit/job.json").read_text())
    check(record["total_requeues"] >= 2, f"queued again {record['total_requeues']} times only")
    bench.wait_job_gone(job)
    bench.check_same_as_undisturbed("limit", yaml)


def preemption(bench):
    """A job of a partition with a higher priority takes the nodes; the run goes on after it."""
    yaml = bench.write_yaml("preempted", steps=200, slurm="  partition: main")
    job = bench.submit(yaml)
    bench.wait_for_step("preempted", 20)
    bench.cluster.slurm("sbatch", "--partition=urgent", "--nodes=2", "--exclusive",
                        "--output=/dev/null", "--wrap=sleep 3")
    bench.wait("preempted", lambda s: s.get("state") == "stopped", "stopped by preemption")
    bench.wait_finished("preempted")
    bench.wait_job_gone(job)
    bench.check_same_as_undisturbed("preempted", yaml)


def node_down(bench):
    """A node is set DOWN in mid-run; Slurm queues the job again, and it goes on from the commit."""
    yaml = bench.write_yaml("down", steps=200, more="save_steps: 20")
    job = bench.submit(yaml)
    bench.wait("down", lambda s: s.get("last_checkpoint_step", 0) >= 40, "saved")
    bench.cluster.slurm("scontrol", "update", "NodeName=node2", "State=DOWN", "Reason=test")
    time.sleep(2)
    bench.cluster.slurm("scontrol", "update", "NodeName=node2", "State=RESUME")
    bench.wait_finished("down")
    check("continuing after step" in bench.log("down"), bench.log("down"))
    bench.wait_job_gone(job)
    bench.check_same_as_undisturbed("down", yaml)


def cancel(bench):
    """scancel: a checkpoint, and no requeue."""
    yaml = bench.write_yaml("cancelled", steps=100000)
    job = bench.submit(yaml)
    bench.wait_for_step("cancelled", 20)
    bench.cluster.slurm("scancel", job)
    status = bench.wait("cancelled", lambda s: s.get("state") == "stopped", "stopped")
    check(status["last_checkpoint_step"] == status["step"], json.dumps(status))
    bench.wait_job_gone(job)
    bench.check_requeues("cancelled", 0)


def crash(bench):
    """A rank is killed: the ranks start again from the last commit, without a requeue."""
    yaml = bench.write_yaml("crash", steps=120, more="save_steps: 20")
    job = bench.submit(yaml)
    bench.wait("crash", lambda s: s.get("last_checkpoint_step", 0) >= 40, "saved")
    bench.signal_rank("crash", signal.SIGKILL)
    bench.wait_finished("crash")
    record = bench.check_requeues("crash", 0)
    check(record["total_restarts"] == 1, json.dumps(record))
    check("starting again from the checkpoint" in bench.log("crash"), bench.log("crash"))
    bench.wait_job_gone(job)
    bench.check_same_as_undisturbed("crash", yaml)


def stall(bench):
    """A rank is stopped: the watchdog ends the ranks, and they start again as after a crash."""
    yaml = bench.write_yaml("stall", steps=120, more="save_steps: 20\nstall_timeout: 5")
    job = bench.submit(yaml)
    bench.wait("stall", lambda s: s.get("last_checkpoint_step", 0) >= 40, "saved")
    bench.signal_rank("stall", signal.SIGSTOP)
    bench.wait_finished("stall")
    record = bench.check_requeues("stall", 0)
    check(record["total_restarts"] == 1, json.dumps(record))
    check("stall_timeout: 5 s" in record["last_failure"], json.dumps(record))
    bench.wait_job_gone(job)
    bench.check_same_as_undisturbed("stall", yaml)


def failed_node(bench):
    """With exclude_failed_nodes a crash sends the job to the other node."""
    yaml = bench.write_yaml("moved", steps=120, slurm="  exclude_failed_nodes: true",
                            more="save_steps: 20")
    job = bench.submit(yaml, "--set", "slurm.nodes=1")
    bench.wait("moved", lambda s: s.get("last_checkpoint_step", 0) >= 40, "saved")
    first = bench.cluster.job(job)["NodeList"]
    bench.signal_rank("moved", signal.SIGKILL)
    bench.wait_finished("moved")
    record = bench.check_requeues("moved", 0)
    check(record["failed_nodes"] == [first], f"{record} {bench.log('moved')}")
    second = bench.cluster.job(job)
    check(second["NodeList"] != first and second["ExcNodeList"] == first, str(second))
    bench.wait_job_gone(job)
    bench.check_same_as_undisturbed("moved", yaml)


def sweep(bench):
    """Four runs as one array job, each with its own end."""
    yaml = bench.write_yaml("sweep", steps=20, slurm="",
                            more="sweep: {learning_rate: [1.0e-3, 2.0e-3], seed: [1, 2]}")
    job = bench.submit(yaml, "--set", "slurm.nodes=1")
    names = [f"sweep/learning_rate={rate},seed={seed}" for rate in ("1.0e-3", "2.0e-3")
             for seed in (1, 2)]
    for name in names:
        bench.wait_finished(name)
    bench.wait_job_gone(job)
    check(len({bench.hash(name)[1] for name in names}) == 4, "runs of the sweep are the same")


def pack_shards(bench):
    """Four shards packed by an array job hold what one process packs."""
    bench.write_yaml("pack", steps=10)
    out = bench.temper("submit", "pack.yaml", "--array", "4", "--json", "--", "pack", bench.corpus,
                       "-o", "parts.h5", "--model", "base", "--sequence-len", "128")
    bench.wait_job_gone(json.loads(out)["job_id"])
    logs = "".join(p.read_text() for p in (bench.folder / "parts-logs").glob("*.log"))
    parts = sorted(bench.folder.glob("parts-0000*-of-00004.h5"))
    check(len(parts) == 4, f"{len(parts)} shards: {logs}")
    whole = json.loads(bench.temper("inspect", "train.h5", "--json"))
    shards = [json.loads(bench.temper("inspect", part.name, "--json")) for part in parts]
    check(sum(s["documents"] for s in shards) == whole["documents"], f"{shards} {whole}")
    bench.temper("train", "pack.yaml", "--dry-run", "--set", "datasets=[{path: parts.h5}]")


SCENARIOS = [refusals, requeue, srun, time_limit, preemption, node_down, cancel, crash, stall,
             failed_node, sweep, pack_shards]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, help="folder of temper and temper-rank")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    parser.add_argument("scenarios", nargs="*")
    arguments = parser.parse_args()
    known = {scenario.__name__: scenario for scenario in SCENARIOS}
    if arguments.list:
        for name, scenario in known.items():
            print(f"{name:<12} {scenario.__doc__}")
        return 0
    missing = [name for name in PROGRAMS if find_program(name) is None]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)} (./bootstrap.sh --slurm)")
    failed = 0
    # So that the daemons are stopped, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="temper_slurm_") as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        (folder / "slurm").mkdir()
        with Cluster(folder / "slurm") as cluster:
            bench = Bench(folder, arguments.bin.resolve(), cluster)
            for name in arguments.scenarios or known:
                began = time.monotonic()
                try:
                    known[name](bench)
                    print(f"ok      {name:<12} {time.monotonic() - began:6.1f} s", flush=True)
                except Failure as failure:
                    failed += 1
                    print(f"FAILED  {name:<12} {failure}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
