// The parts of a migration, each of which takes its keys from the file. migrate_run calls them in
// this order and carries over or leaves out what they have not taken.
#pragma once

#include "config/migrate/migration.h"

namespace temper {

// Micro-batch, accumulation and processes: migration.batch and the two keys that follow from it.
void migrate_batch(ForeignFile& file, Migration& migration, int64_t num_processes);

// What is trained: the base model, full or LoRA, numbers, and the schedule where its names or
// defaults differ.
void migrate_method(ForeignFile& file, Migration& migration);

// Datasets and the commands that pack them, held-out records among them; evaluation.
void migrate_data(ForeignFile& file, Migration& migration);

// Why a key of this name is left out, or what to do instead; never empty.
std::string reason_left_out(const std::string& key);

}  // namespace temper
