// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/state_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "supervise/process.h"

namespace holdfast {

namespace {

constexpr unsigned directory_mode = 0750;
constexpr unsigned lock_mode = 0640;

}  // namespace

Result<StateDirectory> StateDirectory::open(const std::string& path, const std::string& user) {
  struct stat status{};
  const bool existed = stat(path.c_str(), &status) == 0;
  if (existed && !S_ISDIR(status.st_mode))
    return fail("server.state: " + path + " is no directory");
  if (const auto made = make_directories(path, directory_mode); !made) {
    return fail("server.state: " + made.error().message);
  }
  const std::string lock_path = path + "/lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, lock_mode));
  if (!lock.valid()) return fail_system("server.state: open " + lock_path, errno);
  if (!user.empty()) {
    const supervise::UserIds ids = TRY(supervise::find_user(user));
    const bool foreign = !existed && geteuid() == 0;
    if (foreign && chown(path.c_str(), ids.user, ids.group) != 0) {
      return fail_system("server.state: give " + path + " to the user '" + user + "'", errno);
    }
    if (geteuid() == 0 && fchown(lock.get(), ids.user, ids.group) != 0) {
      return fail_system("server.state: give " + lock_path + " to the user '" + user + "'", errno);
    }
  }
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    const auto holder = read_file(lock_path, 32);
    return fail("server.state: " + path + " is in use by another server" +
                (holder && !holder->empty() ? " (process " + *holder + ")" : ""));
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(lock.get(), 0) != 0) return fail_system("server.state: write " + lock_path, errno);
  TRY(write_all(lock.get(), Bytes(reinterpret_cast<const uint8_t*>(pid.data()), pid.size()),
                lock_path));
  return StateDirectory(path, std::move(lock));
}

Result<void> StateDirectory::check_writable() const {
  if (eaccess(path_.c_str(), W_OK | X_OK) == 0) return {};
  return fail_system("server.state: this server, as user " + std::to_string(geteuid()) +
                         ", cannot write in " + path_,
                     errno);
}

}  // namespace holdfast
