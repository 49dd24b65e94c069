// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/interface_settings.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace holdfast::drill {
namespace {

// Far above what a veth has (about ten a queue), far below what would not fit into memory.
constexpr uint32_t counters_max = 65536;
// How often, and how long, the kernel leaves NAPI to a busy polling socket: as its
// documentation (networking/napi) proposes.
constexpr std::string_view deferrals = "2";
constexpr std::string_view deferral_ns = "200000";

// One request over the ethtool ioctl; `data` is a structure of <linux/ethtool.h>.
Result<void> ask_driver(const std::string& interface_name, void* data, const char* what) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return fail_system("cannot open a socket", errno);
  ifreq request{};
  interface_name.copy(static_cast<char*>(request.ifr_name), IFNAMSIZ - 1);
  request.ifr_data = static_cast<char*>(data);
  if (ioctl(socket.get(), SIOCETHTOOL, &request) != 0) {
    return fail_system(interface_name + ": " + what, errno);
  }
  return {};
}

// /sys as the calling thread's namespace shows it, mounted nowhere.
Result<UniqueFd> open_sysfs() {
  const UniqueFd context(fsopen("sysfs", FSOPEN_CLOEXEC));
  if (!context.valid() || fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return fail_system("cannot open sysfs", errno);
  }
  UniqueFd mounted(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!mounted.valid()) return fail_system("cannot open sysfs", errno);
  return mounted;
}

Result<void> write_setting(const std::string& interface_name, const char* setting,
                           std::string_view value) {
  const UniqueFd sysfs = TRY(open_sysfs());
  const std::string path = "class/net/" + interface_name + "/" + setting;
  const UniqueFd file(openat(sysfs.get(), path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return fail_system("/sys/" + path, errno);
  const auto* bytes = static_cast<const uint8_t*>(static_cast<const void*>(value.data()));
  return write_all(file.get(), Bytes(bytes, value.size()), "/sys/" + path);
}

}  // namespace

Result<void> set_receive_offload_on(const std::string& interface_name) {
  ethtool_value value{ETHTOOL_SGRO, 1};
  return ask_driver(interface_name, &value, "cannot set generic receive offload on");
}

Result<void> set_checksum_offload_off(const std::string& interface_name) {
  ethtool_value value{ETHTOOL_STXCSUM, 0};
  return ask_driver(interface_name, &value, "cannot set checksum offload off");
}

Result<void> set_threaded_napi_on(const std::string& interface_name) {
  return write_setting(interface_name, "threaded", "1");
}

Result<void> set_busy_polling_on(const std::string& interface_name) {
  TRY(write_setting(interface_name, "napi_defer_hard_irqs", deferrals));
  return write_setting(interface_name, "gro_flush_timeout", deferral_ns);
}

Result<std::map<std::string, uint64_t>> read_driver_counters(const std::string& interface_name) {
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  TRY(ask_driver(interface_name, &driver, "cannot ask for the driver"));
  const uint32_t count = driver.n_stats;
  if (count > counters_max) return fail(interface_name + ": too many counters");

  const ethtool_gstrings strings_head{ETHTOOL_GSTRINGS, ETH_SS_STATS, count};
  std::vector<char> names(sizeof strings_head + size_t{count} * ETH_GSTRING_LEN);
  std::memcpy(names.data(), &strings_head, sizeof strings_head);
  TRY(ask_driver(interface_name, names.data(), "cannot read the names of counters"));

  const ethtool_stats values_head{ETHTOOL_GSTATS, count};
  std::vector<uint64_t> values(1 + count);
  static_assert(sizeof values_head == sizeof(uint64_t));
  std::memcpy(values.data(), &values_head, sizeof values_head);
  TRY(ask_driver(interface_name, values.data(), "cannot read counters"));

  std::map<std::string, uint64_t> counters;
  for (uint32_t index = 0; index < count; ++index) {
    const char* name = names.data() + sizeof strings_head + size_t{index} * ETH_GSTRING_LEN;
    counters[std::string(name, strnlen(name, ETH_GSTRING_LEN))] = values[1 + index];
  }
  return counters;
}

}  // namespace holdfast::drill
