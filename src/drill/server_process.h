// SPDX-License-Identifier: GPL-3.0-or-later
// A server under drill: started on the server's side of a laboratory, on its processor, and ended
// with it.
//
// Its processes die with the thread that started them. Owner: one thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "drill/sealed_command.h"

namespace holdfast::drill {

struct ServerPlan {
  std::string name;                                // for the report: "knot", "bind+rrl"
  std::vector<std::vector<std::string>> commands;  // programs with arguments, started in this order
  std::string directory;                           // where they run, and their log lies
  // A program before it drops the attack by its mark (drop_floor.h): what is lost then, the
  // laboratory loses.
  bool behind_floor = false;
  // What its configuration is from shortly before the attack on; none: it stays as it is.
  struct AttackConfig {
    std::string path;
    std::string text;
  };
  std::optional<AttackConfig> attack_config = std::nullopt;
};

class ServerProcess {
 public:
  [[nodiscard]] static Result<ServerProcess> start(const ServerPlan& plan,
                                                   const SealedSurroundings& surroundings,
                                                   unsigned server_cpu);
  ServerProcess(ServerProcess&& other) noexcept = default;
  ServerProcess& operator=(ServerProcess&&) = delete;
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  // SIGTERM, then after a while SIGKILL.
  ~ServerProcess();

  // Until it answers for all of `zones`; an error, with the end of its log, if it ends or does not.
  [[nodiscard]] Result<void> wait_until_it_serves(const SealedSurroundings& surroundings,
                                                  uint16_t port,
                                                  const std::vector<std::string>& zones);
  // Its processor and receive queues, as all others have them (equal_terms.h).
  [[nodiscard]] Result<void> set_equal_terms() const;
  // As the attack comes near: puts its other configuration in force, by SIGHUP, if it has one.
  [[nodiscard]] Result<void> take_attack_config() const;
  // Also those threads that it has started since.
  void keep_on_its_processor() const;
  // On a processor so far, all of its processes together.
  [[nodiscard]] uint64_t processor_ns() const;
  [[nodiscard]] bool runs() const;
  [[nodiscard]] const std::string& log_path() const { return log_path_; }

 private:
  ServerProcess() = default;

  [[nodiscard]] std::vector<pid_t> all_processes() const;

  std::vector<pid_t> processes_;
  unsigned cpu_ = 0;
  std::string log_path_;
  std::optional<ServerPlan::AttackConfig> attack_config_;
};

}  // namespace holdfast::drill
