// `temper submit`: what is checked, written, recorded and given to sbatch. The Slurm here is a few
// shell scripts; the real one is in tests/slurm.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <sstream>

#include "run/run_directory.h"
#include "run/run_lock.h"
#include "run/status.h"
#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SubmitTest : public TemperFixture {
 protected:
  SubmitTest() {
    write_model_config();
    write_dataset(20);
    write_run_yaml("global_batch_size: 4\n");
    program("sbatch", "for last; do :; done; cp \"$last\" submitted; echo 41");
  }

  void program(const std::string& name, const std::string& body) {
    const auto path =
        write("bin/" + name, "#!/bin/sh\necho \"" + name + " $*\" >> calls\n" + body + "\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  ProgramRun submit(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"submit", "run.yaml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return temper(arguments, "", slurm_path());
  }
  std::map<std::string, std::string> slurm_path() const {
    return {{"PATH", (folder() / "bin").string() + ":/usr/bin:/bin"}};
  }
  std::string refusal_of_a_second() {
    std::filesystem::remove(folder() / "submitted");
    return refusal();
  }
  // Lines that begin with the program's name.
  static int count_of(const std::string& name, const std::string& calls) {
    int count = 0;
    std::istringstream lines(calls);
    for (std::string line; std::getline(lines, line);)
      count += line.starts_with(name + " ") ? 1 : 0;
    return count;
  }
  std::string refusal(const std::vector<std::string>& more = {}) {
    const ProgramRun run = submit(more);
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_FALSE(exists("submitted")) << "something was submitted";
    return error_message(run);
  }
};

TEST_F(SubmitTest, dry_run_prints_the_script_and_leaves_nothing) {
  const ProgramRun run = submit({"--dry-run", "--set", "slurm.partition=long"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("#SBATCH --partition=long\n"));
  EXPECT_THAT(run.out, HasSubstr(fmt::format("exec {} train {} --requeue --set "
                                             "slurm.partition=long\n",
                                             TEMPER_PROGRAM, (folder() / "run.yaml").string())));
  EXPECT_FALSE(exists("out"));
  EXPECT_FALSE(exists("calls"));
}

TEST_F(SubmitTest, submits_and_records) {
  const ProgramRun run = submit({"--json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const Json report = parse_json(run.out, "report");
  EXPECT_EQ(report["job_id"], "41");
  EXPECT_EQ(report["submitted"], true);
  EXPECT_EQ(report["plan"]["ranks"], 1);
  EXPECT_EQ(read("submitted"), read("out/job.sbatch"));
  EXPECT_EQ(parse_json(read("out/job.json"), "job.json")["job_id"], "41");
  struct stat status {};
  ASSERT_EQ(stat((folder() / "out/job.sbatch").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  // The run may begin in that directory.
  EXPECT_TRUE(RunDirectory(folder() / "out").is_fresh());
  EXPECT_EQ(submit().exit_code, 0);
}

TEST_F(SubmitTest, script_that_was_edited_is_left_alone_until_told) {
  ASSERT_EQ(submit().exit_code, 0);
  std::filesystem::remove(folder() / "submitted");
  write("out/job.sbatch", "#!/bin/sh\n# mine\n");
  EXPECT_THAT(refusal(), names("out/job.sbatch", "--edited", "--overwrite"));
  EXPECT_EQ(submit({"--edited"}).exit_code, 0);
  EXPECT_EQ(read("submitted"), "#!/bin/sh\n# mine\n");
  EXPECT_EQ(submit({"--overwrite"}).exit_code, 0);
  EXPECT_THAT(read("submitted"), HasSubstr("#SBATCH --nodes=1"));
  EXPECT_EQ(submit({"--overwrite", "--edited"}).exit_code, 2);
}

TEST_F(SubmitTest, directory_that_is_in_use_is_refused) {
  ASSERT_EQ(submit().exit_code, 0);
  std::filesystem::remove(folder() / "submitted");
  program("squeue", "echo '41|PENDING|Priority|1:00|1:00|N/A|'");
  EXPECT_THAT(refusal(), names("job 41", "PENDING"));
  EXPECT_THAT(refusal(), names("scancel 41"));
  program("squeue", "echo '41|RUNNING|None|1:00|1:00|N/A|node1'");
  EXPECT_THAT(refusal(), names("scancel --batch --signal=TERM 41"));
  program("squeue", "exit 1");
  const RunLock lock(RunDirectory(folder() / "out").lock_path(), std::chrono::milliseconds(0));
  EXPECT_THAT(refusal(), names("temper status " + (folder() / "out").string()));
}

TEST_F(SubmitTest, refusal_of_sbatch_is_shown_in_its_words) {
  program("sbatch",
          "echo 'sbatch: error: Batch job submission failed: Requested node configuration "
          "is not available' >&2; exit 1");
  EXPECT_THAT(refusal(), names("Requested node configuration is not available"));
  program("sbatch", "echo 41");
  EXPECT_EQ(submit().exit_code, 0) << "a refused script must not count as edited";
}

TEST_F(SubmitTest, missing_sbatch_says_how_to_run_without) {
  std::filesystem::remove(folder() / "bin/sbatch");
  const ProgramRun run =
      temper({"submit", "run.yaml"}, "", {{"PATH", (folder() / "bin").string()}});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(error_message(run), names("sbatch", "temper train RUN.yaml --nproc N"));
}

TEST_F(SubmitTest, request_must_fit_the_run) {
  EXPECT_THAT(refusal({"--set", "slurm.nodes=5"}), names("5 ranks", " 4"));
  EXPECT_THAT(refusal({"--set", "slurm.gpus_per_node=4"}), names("gpus_per_node", "4"));
  EXPECT_THAT(refusal({"--set", "device=cuda"}), names("gpus_per_node", "0", "cuda"));
  EXPECT_THAT(refusal({"--set", "threads_per_rank=2"}),
              names("cpus_per_task", "1", "threads_per_rank"));
  EXPECT_THAT(refusal({"--set", "slurm.time=5"}), names("signal_seconds"));
  EXPECT_THAT(refusal({"--set", "slurm.time=tomorrow"}), names("tomorrow"));
  EXPECT_THAT(refusal({"--set", "slurm.mem=10M"}), names("slurm.mem"));
  EXPECT_THAT(refusal({"--set", "slurm.mem=much"}), names("much"));
  EXPECT_THAT(refusal({"--set", "base_model=nowhere"}), names("nowhere"));
  EXPECT_THAT(refusal({"--set", "datasets=nothing.h5"}), names("nothing.h5"));
  EXPECT_FALSE(exists("out"));
}

TEST_F(SubmitTest, hostile_values_are_refused_or_quoted) {
  EXPECT_THAT(refusal({"--set", "slurm.partition=\"a\\n#SBATCH --x\""}), names("partition"));
  EXPECT_THAT(refusal({"--set", "slurm.modules=[\"$(id)\"]"}), names("modules"));
  EXPECT_THAT(refusal({"--set", "slurm.env={\"A;id\": 1}"}),
              names("slurm.env", "\"A;id\"", "NAME=VALUE"));
  EXPECT_THAT(refusal({"--set", "slurm.env={A: \"x\\ny\"}"}), names("slurm.env", "line break"));
  EXPECT_THAT(refusal({"--set", "output_dir=\"out\\n#SBATCH --x\""}), names("code 10"));
  const ProgramRun run = submit({"--dry-run", "--set", "slurm.env={A: \"$(touch owned)\"}"});
  EXPECT_THAT(run.out, HasSubstr("export A='$(touch owned)'\n"));
}

TEST_F(SubmitTest, sweep_is_an_array_of_runs) {
  write_run_yaml("global_batch_size: 4\nsweep: {learning_rate: [1.0e-4, 2.0e-4], seed: [1, 2]}\n");
  EXPECT_THAT(error_message(temper({"train", "run.yaml"})),
              names("run.yaml", "temper submit", "--sweep-run"));
  const ProgramRun run = submit();
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(read("submitted"), HasSubstr("#SBATCH --array=0-3\n"));
  EXPECT_THAT(read("submitted"), HasSubstr("--sweep-run \"$SLURM_ARRAY_TASK_ID\"\n"));
  EXPECT_EQ(parse_json(read("out/learning_rate=2.0e-4,seed=1/job.json"), "")["job_id"], "41_2");
  const Json third = temper_json({"train", "run.yaml", "--sweep-run", "2", "--dry-run", "--json"});
  const std::string config = third["config"];
  EXPECT_THAT(config, HasSubstr("learning_rate: 0.0002\n"));
  EXPECT_THAT(config, HasSubstr("seed: 1\n"));
  EXPECT_THAT(config, HasSubstr("sweep: {}\n"));
  EXPECT_EQ(temper({"train", "run.yaml", "--sweep-run", "4", "--dry-run"}).exit_code, 2);
}

TEST_F(SubmitTest, sweep_with_a_wrong_value_or_key_is_refused) {
  EXPECT_THAT(refusal({"--set", "sweep={learning_rate: [1e-4, fast]}"}), names("fast"));
  EXPECT_THAT(refusal({"--set", "sweep={output_dir: [a, b]}"}), names("output_dir"));
  EXPECT_THAT(refusal({"--set", "sweep={learning_rat: [1]}"}), names("learning_rat"));
}

TEST_F(SubmitTest, packing_is_an_array_of_shards) {
  // Nothing of the run but `slurm:` is looked at: its dataset is still to be packed.
  write("run.yaml", "datasets: [{path: later.h5}]\nslurm: {nodes: 4, partition: cpu}\n");
  const ProgramRun run = submit({"--array", "4", "--", "pack", "train.jsonl", "-o", "out/parts.h5",
                                 "--tokenizer", "tokenizer.json", "--sequence-len", "64"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const std::string script = read("submitted");
  EXPECT_THAT(script, HasSubstr("#SBATCH --nodes=1\n"));
  EXPECT_THAT(script, HasSubstr("#SBATCH --partition=cpu\n"));
  EXPECT_THAT(script, HasSubstr("#SBATCH --array=0-3\n"));
  EXPECT_THAT(script, Not(HasSubstr("--signal")));
  for (int i = 0; i < 4; ++i) {
    ProcessOptions options;
    options.directory = folder().string();
    options.environment = {{"SLURM_ARRAY_TASK_ID", std::to_string(i)}};
    const CapturedProcess task = run_captured({"bash", "submitted"}, "", options);
    EXPECT_EQ(task.status.code, 0) << task.standard_error;
  }
  EXPECT_TRUE(exists("out/parts-00003-of-00004.h5"));
  const ProgramRun other = submit({"--array", "4", "--dry-run", "--set", "slurm.partition=long",
                                   "--", "pack", "train.jsonl", "-o", "out/others.h5",
                                   "--tokenizer", "tokenizer.json", "--sequence-len", "64"});
  EXPECT_THAT(other.out, HasSubstr("#SBATCH --partition=long\n")) << other.err;
  EXPECT_EQ(submit({"--array", "4", "--", "train"}).exit_code, 2);
  EXPECT_EQ(submit({"--array", "4"}).exit_code, 2);
  EXPECT_EQ(submit({"--array", "0", "--", "pack", "-o", "x.h5"}).exit_code, 2);
}

TEST_F(SubmitTest, packing_leaves_a_script_of_others_alone) {
  const std::vector<std::string> command = {"--array",        "4",           "--",
                                            "pack",           "train.jsonl", "-o",
                                            "parts.h5",       "--tokenizer", "tokenizer.json",
                                            "--sequence-len", "64"};
  write("parts.sbatch", "#!/bin/bash\n# mine\n");
  EXPECT_THAT(refusal(command), names("parts.sbatch", "batch script of temper"));
  EXPECT_EQ(read("parts.sbatch"), "#!/bin/bash\n# mine\n");
  std::filesystem::remove(folder() / "parts.sbatch");
  for (int again = 0; again < 2; ++again) EXPECT_EQ(submit(command).exit_code, 0);
}

TEST_F(SubmitTest, status_before_during_and_after_the_job) {
  ASSERT_EQ(submit().exit_code, 0);
  const auto status = [&] { return temper({"status", "out", "--json"}, "", slurm_path()); };
  program("squeue", "echo '41|PENDING|Priority|10:00|10:00|2026-01-02T03:04:05|'");
  Json report = parse_json(status().out, "status");
  EXPECT_EQ(report["state"], "not started");
  EXPECT_EQ(report["job"]["state"], "PENDING");
  EXPECT_EQ(report["job"]["reason"], "Priority");
  EXPECT_EQ(report["job"]["start"], "2026-01-02T03:04:05");
  program("squeue", "exit 1");
  program("sacct", "echo '41|TIMEOUT|0:0|2026-01-02T03:04:05|node1'");
  report = parse_json(status().out, "status");
  EXPECT_EQ(report["job"]["state"], "TIMEOUT");
  EXPECT_EQ(report["job"]["nodes"], "node1");
  // Without Slurm the directory's own record is left.
  std::filesystem::remove(folder() / "bin/squeue");
  std::filesystem::remove(folder() / "bin/sacct");
  report = parse_json(status().out, "status");
  EXPECT_EQ(report["job"]["id"], "41");
  EXPECT_TRUE(report["job"]["state"].is_null());
}

TEST_F(SubmitTest, status_of_a_sweep_is_that_of_its_runs) {
  write_run_yaml("global_batch_size: 4\nsweep: {seed: [1, 2]}\n");
  ASSERT_EQ(submit().exit_code, 0);
  const Json report = temper_json({"status", "out", "--json"});
  ASSERT_EQ(report["runs"].size(), 2u);
  EXPECT_EQ(report["runs"][1]["run"], "seed=2");
  EXPECT_EQ(report["runs"][1]["job"]["id"], "41_1");
}

// However many runs there are, Slurm's controller is asked once.
TEST_F(SubmitTest, status_of_a_sweep_asks_slurm_once) {
  write_run_yaml("global_batch_size: 4\nsweep: {seed: [1, 2, 3]}\n");
  ASSERT_EQ(submit().exit_code, 0);
  std::filesystem::remove(folder() / "calls");
  program("squeue", "echo '41_1|RUNNING|None|1:00|1:00|N/A|node1|'");
  program("sacct", "echo '41_0|COMPLETED|0:0|2026-01-02T03:04:05|node1'");
  const Json report =
      parse_json(temper({"status", "out", "--json"}, "", slurm_path()).out, "status");
  EXPECT_FALSE(report.contains("state")) << "a sweep has runs, which have states";
  ASSERT_TRUE(report.contains("runs_in_state"));
  EXPECT_EQ(report["runs_in_state"]["not started"], 3);
  EXPECT_EQ(report["runs"][0]["job"]["state"], "COMPLETED");
  EXPECT_EQ(report["runs"][1]["job"]["state"], "RUNNING");
  EXPECT_TRUE(report["runs"][2]["job"]["state"].is_null());
  const std::string calls = read("calls");
  EXPECT_EQ(count_of("squeue", calls), 1) << calls;
  EXPECT_EQ(count_of("sacct", calls), 1) << calls;
  std::filesystem::remove(folder() / "calls");
  EXPECT_THAT(refusal_of_a_second(), names("job 41_1", "RUNNING"));
  EXPECT_EQ(count_of("squeue", read("calls")), 1);
}

TEST_F(SubmitTest, status_of_a_local_sweep_is_that_of_its_runs) {
  RunStatus finished;
  finished.state = RunState::kFinished;
  for (const char* run : {"seed=1", "seed=2"}) {
    std::filesystem::create_directories(folder() / "sweep" / run);
    write_run_status(RunDirectory(folder() / "sweep" / run).status_path(), finished);
  }
  write("sweep/frontier.html", "");
  const Json report = temper_json({"status", "sweep", "--json"});
  ASSERT_EQ(report["runs"].size(), 2u);
  EXPECT_EQ(report["runs"][0]["run"], "seed=1");
  EXPECT_EQ(report["runs"][1]["state"], "finished");
  EXPECT_EQ(report["runs_in_state"]["finished"], 2);
  const ProgramRun followed = temper({"status", "sweep", "--follow"});
  EXPECT_EQ(followed.exit_code, 2);
  EXPECT_THAT(error_message(followed), names("sweep/seed=1 --follow"));
  EXPECT_THAT(error_message(temper({"status", "base"})), names("base", "status.json", "job.json"));
  EXPECT_THAT(error_message(temper({"status", "nowhere"})),
              names("nowhere", "status.json", "job.json"));
}

// sbatch's last word is that it heard none: there may be a job all the same, and never two.
TEST_F(SubmitTest, submission_without_an_answer_is_looked_for) {
  const std::string silence =
      "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' "
      ">&2; exit 1";
  const std::string script = (folder() / "out/job.sbatch").string();
  program("sbatch", silence);
  program("squeue", "exit 0");
  const ProgramRun unknown = submit();
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(error_message(unknown),
              names("Socket timed out on send/recv operation", "squeue --me", "no job"));
  std::filesystem::remove(folder() / "calls");
  program("squeue", "exit 1");
  EXPECT_THAT(refusal(), names((folder() / "out").string(), "sbatch", "squeue"));
  program("squeue", "echo '44|PENDING|Priority|1:00|1:00|N/A||" + script + "'");
  EXPECT_THAT(refusal(), names("job 44", "PENDING"));
  EXPECT_EQ(count_of("sbatch", read("calls")), 0) << "a second job was asked for";
  // Of a job that appears while it is looked for, the number is found.
  program("squeue",
          "[ -e asked ] && echo '45|PENDING|Priority|1:00|1:00|N/A||" + script + "'; : > asked");
  const ProgramRun found = submit({"--json"});
  EXPECT_EQ(found.exit_code, 0) << found.err;
  EXPECT_THAT(found.err, names("job 45", "PENDING"));
  EXPECT_EQ(parse_json(found.out, "report")["job_id"], "45");
  EXPECT_EQ(parse_json(read("out/job.json"), "job.json")["job_id"], "45");
  EXPECT_EQ(parse_json(read("out/job.json"), "job.json")["is_unanswered"], false);
}

TEST_F(SubmitTest, planted_link_is_refused) {
  write("mine/rank-0.log", "mine");
  std::filesystem::create_directory(folder() / "out");
  std::filesystem::create_symlink(folder() / "mine", folder() / "out/logs");
  EXPECT_THAT(refusal(), names("out/logs", "symbolic link", "remove it"));
}

TEST_F(SubmitTest, output_of_the_pack_command_is_what_pack_takes) {
  write("run.yaml", "slurm: {partition: cpu}\n");
  const std::vector<std::vector<std::string>> ways = {
      {"-o", "t.h5"}, {"-ot.h5"}, {"--output", "t.h5"}, {"--output=t.h5"}};
  for (const std::vector<std::string>& way : ways) {
    std::vector<std::string> arguments = {
        "--array",        "2",       "--dry-run",   "--",
        "pack",           "a.jsonl", "--tokenizer", "tokenizer.json",
        "--sequence-len", "64"};
    arguments.insert(arguments.end(), way.begin(), way.end());
    const ProgramRun run = submit(arguments);
    EXPECT_EQ(run.exit_code, 0) << way.front() << ": " << run.err;
    EXPECT_THAT(run.out, HasSubstr((folder() / "t-logs").string())) << way.front();
  }
  const auto refused = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"--array", "2", "--", "pack", "a.jsonl"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return refusal(arguments);
  };
  EXPECT_THAT(refused({"--tokenizer", "t.json", "--sequence-len", "64"}), names("--output"));
  EXPECT_THAT(refused({"-ot.h5", "--tokenizer", "t.json", "--sequence-len", "64", "--shard=0/2"}),
              names("submit --array", "--shard"));
  // What each task would refuse is refused here.
  EXPECT_THAT(refused({"-ot.h5", "--sequence-len", "64"}), names("--model", "--tokenizer"));
  EXPECT_THAT(refused({"-ot.h5", "--sequence-length", "64"}), names("sequence-length"));
}

TEST_F(SubmitTest, front_door_links_no_libtorch) {
  const CapturedProcess listed = run_captured({"ldd", TEMPER_PROGRAM});
  EXPECT_THAT(listed.standard_output, HasSubstr("libc.so"));
  EXPECT_THAT(listed.standard_output, Not(HasSubstr("torch")));
  EXPECT_THAT(listed.standard_output, Not(HasSubstr("libc10")));
  EXPECT_THAT(listed.standard_output, Not(HasSubstr("libmpi")));
}

}  // namespace
}  // namespace temper
