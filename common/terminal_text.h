// What others wrote, as a terminal may be given it. A terminal obeys control characters: they move
// the cursor, hide text, set the title, write to the clipboard.
#pragma once

#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>

namespace temper {

// The text with every control character but line feed and tab as "\u001b", which JSON reads as the
// same character; likewise the ones that reorder what follows them (U+202A to U+202E, U+2066 to
// U+2069). A byte that is no UTF-8 becomes "\x9b".
std::string terminal_text(std::string_view text);

// Passes what is written to a stream on through terminal_text() for as long as it lives, where the
// file descriptor is a terminal; elsewhere it does nothing. Pipes and files get every byte.
class TerminalGuard final : private std::streambuf {
 public:
  TerminalGuard(std::ostream& stream, int fd);
  ~TerminalGuard() override;
  TerminalGuard(const TerminalGuard&) = delete;
  TerminalGuard& operator=(const TerminalGuard&) = delete;

 private:
  int_type overflow(int_type byte) override;
  std::streamsize xsputn(const char* bytes, std::streamsize count) override;
  int sync() override;
  bool pass_on(size_t num_bytes);

  std::ostream& stream_;
  std::streambuf* behind_ = nullptr;  // null: not a terminal
  std::string pending_;               // a character whose last bytes are not written yet
};

}  // namespace temper
