#include "launcher/ranks/supervise.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <initializer_list>
#include <optional>

#include "common/error.h"
#include "common/log.h"
#include "launcher/ranks/mpirun_leftovers.h"
#include "launcher/ranks/starter_output.h"

namespace temper {
namespace {

constexpr timespec kRepeatInterval{2, 0};
// While the ranks start up.
constexpr timespec kReadyInterval{0, 100'000'000};
// mpirun takes two seconds to end its ranks.
constexpr int kRepeatsBeforeKill = 3;

// Signals wait to be fetched instead of interrupting. A signal that was ignored (nohup) stays so.
class SignalQueue {
 public:
  SignalQueue() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGCHLD);
    for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGHUP}) {
      struct sigaction current {};
      sigaction(number, nullptr, &current);
      if (current.sa_handler != SIG_IGN) sigaddset(&set_, number);
    }
    if (sigprocmask(SIG_BLOCK, &set_, &before_) != 0) {
      throw SystemError("cannot block signals: {}", errno_text(errno));
    }
  }
  ~SignalQueue() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

  // The next signal, or 0 when none came in time.
  int next(const timespec& limit) {
    const int number = sigtimedwait(&set_, nullptr, &limit);
    return number < 0 ? 0 : number;
  }

 private:
  sigset_t set_;
  sigset_t before_;
};

class Supervisor {
 public:
  Supervisor(const RankLaunch& launch, const Supervision& supervision)
      : supervision_(supervision),
        alone_(launch.kind == RankLaunch::Kind::kAlone),
        removes_leftovers_(launch.kind == RankLaunch::Kind::kMpirun) {
    ProcessOptions options;
    options.own_group = true;
    options.ignore_usr1 = supervision.stops_by_itself;
    // scancel and systemd send TERM to every process: mpirun would end the ranks, which stop by
    // themselves (it unblocks the signal for them).
    const bool is_deaf = supervision.stops_by_itself && launch.kind == RankLaunch::Kind::kMpirun;
    if (is_deaf) options.blocked_signal = SIGTERM;
    // A starter takes its ranks with it; a single rank would go on until its next step.
    end_signal_ = alone_ ? SIGKILL : is_deaf ? SIGINT : SIGTERM;
    options.death_signal = end_signal_;
    if (!alone_) {
      output_.emplace();
      options.standard_error = output_->write_end();
    }
    if (removes_leftovers_) remove_leftovers_of_ended_mpiruns();
    pid_ = start_process(launch.command, options);
    if (output_) output_->close_write_end();
  }

  SupervisedEnd wait() {
    int wait_status = 0;
    while (waitpid(pid_, &wait_status, WNOHANG) == 0) {
      const bool waiting = asked_ && !ready_ && !ending_;
      const int number = signals_.next(waiting ? kReadyInterval : kRepeatInterval);
      if (number == 0) {
        repeat();
      } else if (number != SIGCHLD) {
        stop(number);
      }
    }
    if (removes_leftovers_) remove_mpirun_leftovers(pid_);
    SupervisedEnd end{ExitStatus::from_wait(wait_status), stop_signal_, {}};
    if (output_) end.first_failure = output_->finish();
    return end;
  }

 private:
  void end(int number) {
    ending_ = true;
    kill(pid_, number);
  }

  void stop(int number) {
    if (stop_signal_ == 0) stop_signal_ = number;
    if (ending_) return;
    if (!supervision_.stops_by_itself) {
      // USR1 and HUP are this process's way of being asked; the ranks know nothing of them.
      end(number == SIGINT ? SIGINT : SIGTERM);
      return;
    }
    if (asked_ && number == SIGINT && interrupted_) {
      log::warning("ending the ranks at once");
      end(end_signal_);
      return;
    }
    interrupted_ = interrupted_ || number == SIGINT;
    if (!asked_) {
      log::info("stopping after this step with a checkpoint{}",
                number == SIGINT ? " (Ctrl-C again: at once, without)" : "");
    }
    asked_ = true;
    request();
  }

  void request() {
    ready_ = ready_ || !supervision_.is_ready || supervision_.is_ready();
    if (ready_) kill(pid_, SIGUSR1);
  }

  void repeat() {
    if (ending_) {
      if (++repeats_ >= kRepeatsBeforeKill) kill(-pid_, SIGKILL);
    } else if (asked_) {
      request();
    }
  }

  SignalQueue signals_;  // before the thread that must not get them
  std::optional<StarterOutput> output_;
  const Supervision& supervision_;
  bool alone_;
  bool removes_leftovers_;
  pid_t pid_ = 0;
  int end_signal_ = 0;  // ends the ranks at once
  int stop_signal_ = 0;
  bool asked_ = false;
  bool ready_ = false;
  bool interrupted_ = false;
  bool ending_ = false;
  int repeats_ = 0;
};

}  // namespace

SupervisedEnd supervise(const RankLaunch& launch, const Supervision& supervision) {
  return Supervisor(launch, supervision).wait();
}

}  // namespace temper
