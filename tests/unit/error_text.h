// The text of the error of type E that `action` throws; a test failure when it throws none.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace temper {

template <typename E, typename Action>
std::string error_text(Action&& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "an error of another type: " << error.what();
    return "";
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

}  // namespace temper
