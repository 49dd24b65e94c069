// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "transfer/packer.h"

namespace holdfast::transfer {

Result<std::shared_ptr<const Spool>> Spool::write(const zone::ZoneView& zone,
                                                  const std::string& directory) {
  std::shared_ptr<Spool> spool(new Spool);
  spool->file_ = UniqueFd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!spool->file_.valid()) {
    return fail_system(directory + ": make the file of a transfer", errno);
  }
  spool->serial_ = zone.serial();
  spool->generation_ = zone.generation();
  const std::string what = directory + ": the file of a transfer";
  // A message a time: while a thread writes, its processor answers nobody.
  Packer packer(zone.apex(), wire::type_axfr, [&](Bytes message) {
    spool->ends_.push_back(spool->bytes() + message.size());
    return write_all(spool->file_.get(), message, what);
  });
  Result<void> result;
  const auto add = [&](Bytes owner, Bytes records) {
    if (result) result = packer.add_set(owner, records);
  };
  const auto soa = zone.apex_node().find(wire::type_soa);
  // RFC 5936 §2.2: the SOA first and last.
  if (soa) add({}, soa->records);
  zone.for_each_node([&](const zone::NodeView& node) {
    for (size_t i = 0; i < node.rrset_count(); ++i) {
      const zone::RrsetView rrset = node.rrset_at(i);
      if (rrset.type != wire::type_soa) add(node.relative_owner(), rrset.records);
      add(node.relative_owner(), rrset.signatures);
    }
  });
  if (soa) add({}, soa->records);
  TRY(std::move(result));
  TRY(packer.finish());
  spool->records_ = packer.record_count() - 1;
  return spool;
}

Result<std::vector<uint8_t>> Spool::read(size_t message) const {
  CHECK(message < ends_.size());
  const uint64_t start = message == 0 ? 0 : ends_[message - 1];
  std::vector<uint8_t> bytes(ends_[message] - start);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::pread(file_.get(), bytes.data() + done, bytes.size() - done,
                                  static_cast<off_t>(start + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return fail_system("read the file of a transfer", count < 0 ? errno : EIO);
    done += static_cast<size_t>(count);
  }
  return bytes;
}

}  // namespace holdfast::transfer
