"""What the scenarios work with: a base model, a corpus, and ways to run temper on a cluster and to look
at the runs."""

import json
import os
import subprocess
import time

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


class Workbench:
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

    def write_yaml(self, name, steps, slurm="", more="", global_batch_size=8):
        # Both virtual nodes are one machine: srun's PMIx would find its own files twice, Open MPI's
        # shared memory its own segments.
        (self.folder / f"{name}.yaml").write_text(f"""\
base_model: base
datasets: [{{path: train.h5}}]
output_dir: runs/{name}
micro_batch_size: 2
global_batch_size: {global_batch_size}
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

    def run_batch(self, command, nodes, expect_success=True):
        """What a batch job of two tasks a node with this one command printed, when it has ended."""
        output = self.folder / f"batch-{time.monotonic_ns()}"
        run = subprocess.run(["sbatch", "--wait", f"--nodes={nodes}", "--ntasks-per-node=2",
                              f"--output={output}.out", f"--error={output}.err", "--wrap", command],
                             cwd=self.folder, capture_output=True, text=True,
                             env={**self.cluster.environment, "OMPI_MCA_btl": "tcp,self"})
        printed = [output.with_suffix(suffix).read_text() for suffix in (".out", ".err")]
        check((run.returncode == 0) == expect_success,
              f"{command}: exit code {run.returncode}\n{run.stderr}{''.join(printed)}")
        return printed[0] if expect_success else "".join(printed)

    def batch(self, *arguments):
        """The report that temper prints in a batch job of two nodes."""
        return self.run_batch(" ".join([str(self.temper_program), *arguments]), nodes=2)

    def submit(self, yaml, *more):
        return json.loads(self.temper("submit", yaml, "--json", *more))["job_id"]

    def status(self, name):
        run = subprocess.run([self.temper_program, "status", f"runs/{name}", "--json"],
                             cwd=self.folder, env=self.cluster.environment, capture_output=True,
                             text=True)
        return json.loads(run.stdout) if run.returncode == 0 else {}

    def log(self, name):
        run = self.folder / "runs" / name
        # Those of a sweep lie above its runs.
        logs = [*run.glob("logs/slurm-*.log")] or [*run.parent.glob("logs/slurm-*.log")]
        return "".join(path.read_text(errors="replace") for path in sorted(logs))

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

    def step_seconds(self, name):
        """How long each step of the run took."""
        lines = (self.folder / "runs" / name / "metrics.jsonl").read_text().splitlines()
        return [event["seconds"] for event in map(json.loads, lines) if event["event"] == "step"]

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
