#!/usr/bin/env python3
"""temper under a real Slurm (cluster.py): each scenario submits runs with `temper submit` and looks
at how they end.

    run_scenarios.py --bin DIR [SCENARIO...]    (all without names; --list shows them)
"""

import argparse
import json
import pathlib
import signal
import sys
import tempfile
import time

from cluster import Cluster, PROGRAMS, find_program
from workbench import Failure, Workbench, check


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
    seconds = sorted(bench.step_seconds("pace"))
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
    # With ReturnToService it may have come back by itself.
    bench.cluster.slurm("scontrol", "update", "NodeName=node2", "State=RESUME", check=False)
    bench.wait_finished("down")
    check("continuing after step" in bench.log("down"), bench.log("down"))
    bench.wait_job_gone(job)
    bench.check_same_as_undisturbed("down", yaml)


def stop(bench):
    """TERM to the batch shell of two nodes: a checkpoint, and no requeue."""
    yaml = bench.write_yaml("stopped", steps=100000)
    job = bench.submit(yaml)
    bench.wait_for_step("stopped", 20)
    bench.cluster.slurm("scancel", "--batch", "--signal=TERM", job)
    check_saved_and_over(bench, "stopped", job)


def check_saved_and_over(bench, name, job):
    status = bench.wait(name, lambda s: s.get("state") == "stopped", "stopped")
    check(status["last_checkpoint_step"] == status["step"], json.dumps(status))
    bench.wait_job_gone(job)
    bench.check_requeues(name, 0)


def cancel(bench):
    """scancel, which signals every process: a checkpoint though a step takes seconds, no requeue."""
    name = "cancelled"
    # A virtual node is called otherwise than this machine: mpirun starts ranks through daemons on
    # both. With these settings all are its own, as those of a job of one real node are.
    own = ["--set", "slurm.env={OMPI_MCA_ras: ^slurm, OMPI_MCA_plm: isolated}"]
    for options in (["--set", "slurm.nodes=2"], ["--set", "slurm.nodes=1", *own],
                    ["--set", "slurm.nodes=1", "--set", "slurm.launcher=srun"]):
        # Where TERM ends mpirun or its daemons, ranks have two seconds.
        yaml = bench.write_yaml(name, steps=100000, global_batch_size=3072)
        job = bench.submit(yaml, "--overwrite", "--set", "logging_steps=1", *options)
        bench.wait_for_step(name, bench.status(name).get("step", 0) + 1)
        bench.cluster.slurm("scancel", job)
        check_saved_and_over(bench, name, job)
    check(min(bench.step_seconds(name)) > 2.5, "the steps were too quick to show anything")


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
    """With exclude_failed_nodes the run goes on on the other node after a crash, in a further job."""
    yaml = bench.write_yaml("moved", steps=120, slurm="  exclude_failed_nodes: true",
                            more="save_steps: 20")
    job = bench.submit(yaml, "--set", "slurm.nodes=1")
    bench.wait("moved", lambda s: s.get("last_checkpoint_step", 0) >= 40, "saved")
    first = bench.cluster.job(job)["NodeList"]
    bench.signal_rank("moved", signal.SIGKILL)
    bench.wait_finished("moved")
    record = bench.check_requeues("moved", 0)
    check(record["failed_nodes"] == [first], f"{record} {bench.log('moved')}")
    second = bench.cluster.job(record["job_id"])
    check(second["NodeList"] != first and second["ExcNodeList"] == first, str(second))
    bench.wait_job_gone(record["job_id"])
    bench.check_same_as_undisturbed("moved", yaml)


def sweep(bench):
    """Four runs as one array job, each with its own end; one of them goes back into the queue."""
    yaml = bench.write_yaml("sweep", steps=1000,
                            more="sweep: {learning_rate: [1.0e-3, 2.0e-3], seed: [1, 2]}")
    job = bench.submit(yaml, "--set", "slurm.nodes=1")
    names = [f"sweep/learning_rate={rate},seed={seed}" for rate in ("1.0e-3", "2.0e-3")
             for seed in (1, 2)]
    # The last: while tasks of the array are pending, scancel repeats its signal for 45 s.
    bench.wait_for_step(names[3], 20)
    bench.wait_finished(names[1])
    bench.cluster.slurm("scancel", "--signal=USR1", "--batch", f"{job}_3")
    for name in names:
        bench.wait_finished(name)
    bench.wait_job_gone(job)
    for i, name in enumerate(names):
        bench.check_requeues(name, 1 if i == 3 else 0)
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


def doctor(bench):
    """temper doctor on an allocation of two nodes finds it ready."""
    bench.write_yaml("doctor", steps=10)
    report = json.loads(bench.batch("doctor", "doctor.yaml", "--launcher", "mpirun", "--json"))
    check(report["ready"] and report["ranks"] == 4, json.dumps(report))
    check(all(node["link_megabytes_per_second"] > 0 for node in report["nodes"]), json.dumps(report))


def rehearse(bench):
    """temper rehearse on an allocation: killed, resumed on half the ranks, exported, predicted."""
    bench.write_yaml("rehearsed", steps=1000)
    report = json.loads(bench.batch("rehearse", "rehearsed.yaml", "--launcher", "mpirun", "--json"))
    check(report["rehearsed"] and report["ranks"] == 4 and report["resumed_on_ranks"] == 2,
          json.dumps(report))
    check(report["prediction"]["total_seconds"] > 0, json.dumps(report))
    check(not list(bench.folder.glob("runs/rehearsed*")), "the rehearsal left something behind")


def by_hand(bench):
    """srun temper-rank and mpirun temper-rank in a script of one's own; PMI2 without support."""
    yaml = bench.write_yaml("hand", steps=20)
    rank = f"{bench.temper_program}-rank train {yaml} --set output_dir=runs"
    bench.run_batch(f"srun --mpi=pmix -n 2 {rank}/hand-srun", nodes=1)
    bench.run_batch(f"mpirun --allow-run-as-root -n 4 {rank}/hand-mpirun", nodes=2)
    check(bench.hash("hand-srun") == bench.hash("hand-mpirun"), "srun and mpirun ended differently")
    # An Open MPI without PMI2, as Debian's, says so itself.
    text = bench.run_batch(f"srun --mpi=pmi2 -n 2 {rank}/hand-pmi2", nodes=1, expect_success=False)
    check("OMPI was not built with SLURM's PMI support" in text or "srun --mpi=pmix" in text, text)
    check(not (bench.folder / "runs/hand-pmi2/status.json").exists(), "something was trained")


SCENARIOS = [refusals, requeue, srun, time_limit, preemption, node_down, stop, cancel, crash, stall,
             failed_node, sweep, pack_shards, doctor, rehearse, by_hand]


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
            bench = Workbench(folder, arguments.bin.resolve(), cluster)
            for name in arguments.scenarios or known:
                began = time.monotonic()
                try:
                    known[name](bench)
                    print(f"ok      {name:<12} {time.monotonic() - began:6.1f} s", flush=True)
                except (Failure, RuntimeError) as failure:
                    failed += 1
                    print(f"FAILED  {name:<12} {failure}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
