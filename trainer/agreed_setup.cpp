#include "trainer/agreed_setup.h"

#include <chrono>
#include <string>

#include "arch/adapter_origin.h"
#include "comm/agreement.h"
#include "trainer/run_memory.h"

namespace temper {

RunSetup prepare_run_together(const RunConfig& config, bool on_cpu, ProcessGroup& group) {
  RunSetup setup;
  std::string shared;  // what rank 0 found in the datasets, so that HDF5 opens them once
  run_agreed(group, [&] {
    if (group.rank() == 0 && group.size() > 1) shared = share_datasets(config);
  });
  shared = group.all_gather_text(shared).front();
  const int ranks_per_node = count_ranks_per_node(group);
  Hash128 part;  // each rank reads its share of the base
  run_agreed(group, [&] {
    setup = prepare_run(config, group.size(), shared_datasets_of(shared));
    setup.available = available_memory();
    setup.memory = plan_run_memory(setup, group.size(), ranks_per_node, setup.available, on_cpu);
    const auto start = std::chrono::steady_clock::now();
    part = setup.base->partial_hash(group.rank(), group.size());
    setup.hash_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  });
  for (const std::string& hex : group.all_gather_text(part.hex())) {
    setup.identity.base_hash += Hash128::from_hex(hex);
  }
  run_agreed(group, [&] {
    if (group.rank() != 0 || setup.earlier_adapter == nullptr) return;
    check_base_of_adapter(config.lora_model_dir, config.base_model,
                          [&] { return setup.identity.base_hash; });
    setup.identity.initial_adapter_hash = setup.earlier_adapter->hash();
  });
  return setup;
}

}  // namespace temper
