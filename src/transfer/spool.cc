// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "transfer/packer.h"
#include "transfer/zone_records.h"

namespace holdfast::transfer {

namespace {

constexpr size_t write_bytes = size_t{1} << 20;

// Collects messages and writes them a mebibyte at a time.
class Writer {
 public:
  Writer(int file, const std::string& directory) : file_(file), directory_(directory) {}
  Result<void> put(Bytes message) {
    pending_.insert(pending_.end(), message.begin(), message.end());
    if (pending_.size() < write_bytes) return {};
    return flush();
  }
  Result<void> flush() {
    TRY(write_all(file_, pending_, directory_ + ": the file of a transfer"));
    pending_.clear();
    return {};
  }

 private:
  int file_;
  const std::string& directory_;
  std::vector<uint8_t> pending_;
};

}  // namespace

Result<std::shared_ptr<const Spool>> Spool::write(const zone::ZoneView& zone,
                                                  const std::string& directory) {
  std::shared_ptr<Spool> spool(new Spool);
  spool->file_ = UniqueFd(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!spool->file_.valid()) {
    return fail_system(directory + ": make the file of a transfer", errno);
  }
  spool->serial_ = zone.serial();
  spool->generation_ = zone.generation();
  Writer writer(spool->file_.get(), directory);
  uint64_t end = 0;
  Packer packer(zone.apex(), wire::type_axfr, [&](std::vector<uint8_t>& message) {
    end += message.size();
    spool->ends_.push_back(end);
    return writer.put(message);
  });
  Result<void> result;
  const auto add = [&](const ZoneRecord& record) {
    if (result) result = packer.add(record.owner, record.type, record.ttl, record.rdata);
  };
  // RFC 5936 §2.2: the SOA first and last.
  for_each_soa(zone, add);
  for_each_record_but_soa(zone, add);
  for_each_soa(zone, add);
  TRY(std::move(result));
  TRY(packer.finish());
  TRY(writer.flush());
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
