#include "common/terminal_text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace temper {
namespace {

TEST(TerminalText, text_of_any_language_stays_as_it_is) {
  const std::string text = "Wo? Da, über!\n\tשלום، مرحبا\u200f 你好 🎉 ⟦x⟧\n";
  EXPECT_EQ(terminal_text(text), text);
  EXPECT_EQ(terminal_text(""), "");
}

TEST(TerminalText, what_a_terminal_would_obey_is_shown) {
  EXPECT_EQ(terminal_text("\x1b]52;c;aGk=\x07"), "\\u001b]52;c;aGk=\\u0007");  // the clipboard
  EXPECT_EQ(terminal_text("a\rb\bc\x7f"), "a\\u000db\\u0008c\\u007f");
  EXPECT_EQ(terminal_text(std::string("a\0b", 3)), "a\\u0000b");
  EXPECT_EQ(terminal_text("\u009b2J"), "\\u009b2J");            // ESC [ in one character
  EXPECT_EQ(terminal_text("\u202etxt.exe"), "\\u202etxt.exe");  // right to left from here on
  EXPECT_EQ(terminal_text("\u2066x\u2069"), "\\u2066x\\u2069");
}

TEST(TerminalText, bytes_that_are_no_utf8_are_shown) {
  EXPECT_EQ(terminal_text("\x9b\x41"), "\\x9b\x41");  // an 8-bit terminal's ESC [
  EXPECT_EQ(terminal_text("\xc3"), "\\xc3");
  EXPECT_EQ(terminal_text("\xc3("), "\\xc3(");
  EXPECT_EQ(terminal_text("\xc0\x9b"), "\\xc0\\x9b");           // overlong
  EXPECT_EQ(terminal_text("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(terminal_text("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

// A stream that is guarded as though it went to this file descriptor.
std::string written_under_guard(int fd, const std::vector<std::string>& parts) {
  std::ostringstream stream;
  {
    const TerminalGuard guard(stream, fd);
    for (const std::string& part : parts) stream << part << std::flush;
    stream.put('\x1b');
  }
  stream << "after\x1b";
  return stream.str();
}

class PseudoTerminal {
 public:
  PseudoTerminal() : controller_(posix_openpt(O_RDWR | O_NOCTTY)) {
    if (controller_ < 0 || grantpt(controller_) != 0 || unlockpt(controller_) != 0) return;
    terminal_ = open(ptsname(controller_), O_RDWR | O_NOCTTY);
  }
  ~PseudoTerminal() {
    close(terminal_);
    close(controller_);
  }
  int fd() const { return terminal_; }

 private:
  int controller_ = -1;
  int terminal_ = -1;
};

TEST(TerminalGuard, guards_terminals_alone) {
  const PseudoTerminal terminal;
  ASSERT_GE(terminal.fd(), 0);
  EXPECT_EQ(written_under_guard(terminal.fd(), {"a\x1b[2J\n"}), "a\\u001b[2J\n\\u001bafter\x1b");
  const int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
  EXPECT_EQ(written_under_guard(file, {"a\x1b[2J\n"}),
            "a\x1b[2J\n\x1b"
            "after\x1b");
  close(file);
}

// A model's answer is written token by token.
TEST(TerminalGuard, character_may_come_in_parts) {
  const PseudoTerminal terminal;
  ASSERT_GE(terminal.fd(), 0);
  EXPECT_EQ(
      written_under_guard(terminal.fd(), {"\xc3", "\xbc \xf0\x9f", "\x8e\x89", "\xc2", "\x9b"}),
      "ü 🎉\\u009b\\u001bafter\x1b");
  EXPECT_EQ(written_under_guard(terminal.fd(), {"\xe2\x9f"}), "\\xe2\\x9f\\u001bafter\x1b");
}

}  // namespace
}  // namespace temper
