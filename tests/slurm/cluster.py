"""A Slurm of two virtual nodes on this machine: munged, slurmctld and two slurmd, in a folder of
their own, stopped by their ids. As root, or as a user for that user's jobs alone."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "mpirun")
CPUS_PER_NODE = 2


def find_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Cluster:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.processes = []
        self.environment = dict(os.environ, SLURM_CONF=str(self.folder / "slurm.conf"))
        for name in list(self.environment):
            if name.startswith(("SLURM_JOB", "SLURM_STEP", "OMPI_", "PMIX_")):
                del self.environment[name]

    def __enter__(self):
        try:
            self._start_munged()
            self._write_conf()
            conf = str(self.folder / "slurm.conf")
            self._start("slurmctld", "-D", "-f", conf, "-c")
            for node in ("node1", "node2"):
                self._start("slurmd", "-D", "-f", conf, "-N", node, log=node)
            self._wait_until_idle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.slurm("scancel", "--user=" + pwd.getpwuid(os.geteuid()).pw_name, check=False)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.slurm("squeue", "--noheader", check=False):
            time.sleep(0.5)
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def slurm(self, *command, check=True):
        """Standard output of one of Slurm's programs."""
        run = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if check and run.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {run.stderr}")
        return run.stdout.strip()

    def job(self, job_id):
        """What scontrol shows of the job, as a dictionary; empty when it is forgotten."""
        text = self.slurm("scontrol", "show", "job", "-o", str(job_id), check=False)
        return dict(word.split("=", 1) for word in text.split() if "=" in word)

    def logs(self):
        return "".join(f"--- {path}\n{path.read_text(errors='replace')[-4000:]}"
                       for path in sorted(self.folder.glob("*.log")))

    def _start(self, program, *arguments, log=None):
        output = open(self.folder / f"{log or program}.log", "ab")
        self.processes.append(subprocess.Popen([find_program(program), *arguments], stdout=output,
                                               stderr=output, env=self.environment))

    def _start_munged(self):
        munge = self.folder / "munge"
        munge.mkdir(mode=0o755)
        key = munge / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self.socket = munge / "socket"
        # Our own key and socket, so our own user may run it.
        self._start("munged", "--foreground", "--force", f"--key-file={key}",
                    f"--socket={self.socket}", f"--pid-file={munge}/pid",
                    f"--log-file={munge}/log", f"--seed-file={munge}/seed")
        deadline = time.monotonic() + 10
        while not self.socket.exists():
            if time.monotonic() > deadline or self.processes[-1].poll() is not None:
                raise RuntimeError("munged did not start: " + self.logs())
            time.sleep(0.05)

    def _write_conf(self):
        host = socket.gethostname()
        user = pwd.getpwuid(os.geteuid()).pw_name
        control, node1, node2 = free_ports(3)
        for name in ("state", "spool.node1", "spool.node2"):
            (self.folder / name).mkdir(mode=0o755)
        (self.folder / "slurm.conf").write_text(f"""\
ClusterName=temper
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
AuthType=auth/munge
AuthInfo=socket={self.socket},cred_expire=5
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool.%n
SlurmdPidFile={self.folder}/slurmd.%n.pid
SlurmctldPidFile={self.folder}/slurmctld.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=0,requeue_setup_env_fail
EnforcePartLimits=ALL
ReturnToService=2
SlurmdParameters=config_overrides
SlurmctldParameters=node_reg_mem_percent=1,preempt_send_user_signal
MpiDefault=none
JobRequeue=1
KillWait=60
SlurmdTimeout=30
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MailProg=/bin/true
NodeName=node[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{node1},{node2}] CPUs={CPUS_PER_NODE} RealMemory=4000
PartitionName=main Nodes=node[1-2] Default=YES MaxTime=60 PriorityTier=1 PreemptMode=REQUEUE GraceTime=30
PartitionName=urgent Nodes=node[1-2] MaxTime=60 PriorityTier=10 PreemptMode=OFF
""")

    def _wait_until_idle(self):
        deadline = time.monotonic() + 30
        while True:
            states = self.slurm("sinfo", "--noheader", "--Node", "--partition=main",
                                "--format=%T", check=False).split()
            if states == ["idle", "idle"]:
                return
            if time.monotonic() > deadline or any(p.poll() is not None for p in self.processes):
                raise RuntimeError(f"Slurm's nodes are {states}: {self.logs()}")
            time.sleep(0.2)
