#include "config/key_names.h"

#include <gtest/gtest.h>

#include "config/config_keys.h"

namespace temper {
namespace {

TEST(KeyNames, aliases_lead_to_real_keys_and_hide_none) {
  for (const char* alias : {"lora_rank", "cutoff_len", "max_length", "model_name_or_path",
                            "per_device_train_batch_size", "num_train_epochs", "lr_scheduler_type",
                            "lora_target", "eval_dataset", "finetuning_type", "gradient_clipping",
                            "cosine_min_lr_ratio", "keep_last_n_checkpoints"}) {
    EXPECT_NE(canonical_key(alias), alias);
    EXPECT_NE(find_config_key(canonical_key(alias)), nullptr) << alias;
  }
  for (const ConfigKey& key : config_keys()) {
    EXPECT_EQ(canonical_key(key.name), key.name);
    EXPECT_EQ(foreign_key_advice(key.name), "") << key.name;
  }
}

}  // namespace
}  // namespace temper
