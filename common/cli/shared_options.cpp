#include "common/cli/shared_options.h"

namespace temper {

OptionSpec json_option(const char* text) {
  return flag("json", text);
}

OptionSpec set_option() {
  return texts_option("set", "KEY=VALUE", "Sets a key as though it stood in RUN.yaml.");
}

OptionSpec nproc_option() {
  return integer_option("nproc,n", "N",
                        "Number of ranks. Without it as many as the hostfile has slots or the "
                        "Slurm allocation has tasks, else 1.");
}

std::vector<OptionSpec> start_options() {
  return {nproc_option().for_temper_alone(),
          text_option("launcher", "NAME",
                      "Starts the ranks with this program. Without it slurm.launcher of the run's "
                      "configuration decides.")
              .one_of({"auto", "mpirun", "srun"})
              .for_temper_alone(),
          text_option("hostfile", "FILE",
                      "Hosts for mpirun, as its own --hostfile takes them. A host without slots= "
                      "has as many as it has cores, taken to be as many as here.")
              .for_temper_alone()};
}

std::vector<OptionSpec> template_options() {
  return {text_option("chat-template", "NAME",
                      "How messages are written; none: raw text. Without it as the run's data was "
                      "packed; a model that was trained on conversations takes no other."),
          text_option("chat-template-kwargs", "JSON",
                      "Gives the template more variables. Without it those that the run's data was "
                      "packed with.")};
}

std::vector<OptionSpec> model_options() {
  return joined(
      {{text_option("model", "DIR",
                    "A Hugging Face model directory. Beside a run or checkpoint: where "
                    "its base is now."),
        text_option("adapter", "DIR", "A PEFT adapter directory, on --model or its own base.")},
       template_options()});
}

OptionSpec device_option() {
  return text_option("device", "NAME",
                     "Where to compute; auto takes a GPU where one is allocated. It computes in "
                     "fp32 on either.")
      .one_of({"auto", "cpu", "cuda"})
      .or_else("auto");
}

std::vector<OptionSpec> joined(const std::vector<std::vector<OptionSpec>>& parts) {
  std::vector<OptionSpec> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace temper
