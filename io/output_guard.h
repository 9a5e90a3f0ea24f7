// What a command may write over: its own earlier output, never the user's data; and where.
#pragma once

#include <filesystem>
#include <functional>

namespace temper {

// UserError when something other than an empty file is at `output` that `is_product` does not
// recognise as an earlier product of the command; `product` names one ("a packed dataset"). Errors
// thrown by `is_product` mean that it is none.
void refuse_to_overwrite_foreign(const std::filesystem::path& output, const char* product,
                                 const std::function<bool()>& is_product);

// Makes the folder that `output` goes to, with its parents, where it is missing. UserError naming
// the folder when that fails, as where a file is in its place.
void make_output_folder(const std::filesystem::path& output);

}  // namespace temper
