// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/ask_records.h"

#include <sys/random.h>

#include <array>
#include <chrono>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/check.h"
#include "transfer/stream.h"
#include "wire/message.h"
#include "wire/query.h"
#include "wire/types.h"

namespace holdfast::transfer {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t length_bytes = 2;
// EDNS with DO; the payload size means nothing over TCP (RFC 6891 §6.2.3).
constexpr std::array<uint8_t, 11> opt_record{0, 0, wire::type_opt, 0x04, 0xD0, 0, 0, 0x80, 0, 0, 0};

void put_u16(std::vector<uint8_t>& to, unsigned value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

class Asking : public std::enable_shared_from_this<Asking> {
 public:
  Asking(asio::io_context& context, const wire::Name& name, uint16_t type,
         std::function<void(Result<Answered>)> done)
      : stream_(context), deadline_(context), name_(name), type_(type), done_(std::move(done)) {
    CHECK(::getrandom(&id_, sizeof id_, 0) == sizeof id_);
  }

  void start(const Endpoint& server) {
    deadline_.expires_after(std::chrono::milliseconds(ask_records_ms));
    deadline_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (!error && self) self->finish(fail("no answer within ten seconds"));
    });
    stream_.connect(server, [self = shared_from_this()](error_code error, size_t) {
      if (error) return self->finish(fail("connect: " + error.message()));
      self->send();
    });
  }

 private:
  void send() {
    std::vector<uint8_t> query;
    put_u16(query, id_);
    put_u16(query, wire::flag_rd);
    for (const unsigned count : {1U, 0U, 0U, 1U}) put_u16(query, count);
    const Bytes name = name_.view().bytes();
    query.insert(query.end(), name.begin(), name.end());
    put_u16(query, type_);
    put_u16(query, wire::class_in);
    query.insert(query.end(), opt_record.begin(), opt_record.end());
    put_u16(message_, static_cast<unsigned>(query.size()));
    message_.insert(message_.end(), query.begin(), query.end());
    stream_.write(message_, [self = shared_from_this()](error_code error, size_t) {
      if (error) return self->finish(fail("send: " + error.message()));
      self->receive();
    });
  }

  void receive() {
    message_.resize(length_bytes);
    stream_.read(message_, [self = shared_from_this()](error_code error, size_t) {
      if (error) return self->finish(fail("receive: " + error.message()));
      self->message_.resize(load_be16(self->message_.data()));
      self->stream_.read(self->message_, [self](error_code end, size_t) {
        if (end) return self->finish(fail("receive: " + end.message()));
        self->finish(self->read_answer());
      });
    });
  }

  [[nodiscard]] Result<Answered> read_answer() const {
    if (message_.size() < wire::header_bytes) return fail("the answer is malformed");
    std::vector<uint8_t> scratch(wire::rdata_bytes_max);
    wire::MessageReader reader(message_, scratch);
    const wire::MessageHeader& header = reader.header();
    if (header.id != id_ || (header.flags & wire::flag_qr) == 0) {
      return fail("the answer is to another question");
    }
    if (header.rcode() != wire::rcode_noerror && header.rcode() != wire::rcode_nxdomain) {
      return fail("the server answers " + wire::rcode_to_text(header.rcode()));
    }
    wire::MessageQuestion question;
    auto step = reader.next_question(question);
    while (step == wire::MessageReader::Step::item) step = reader.next_question(question);
    Answered answered;
    wire::MessageRecord record;
    while ((step = reader.next_record(record)) == wire::MessageReader::Step::item) {
      take(record, answered);
    }
    if (step != wire::MessageReader::Step::end) return fail("the answer is malformed");
    return answered;
  }

  void take(const wire::MessageRecord& record, Answered& answered) const {
    const bool is_authority = record.section == wire::Section::authority;
    if (is_authority && record.type == wire::type_soa) {
      answered.soa_owner = wire::Name(record.owner.view());
    }
    const bool is_looked_at =
        record.section == wire::Section::answer || (is_authority && type_ == wire::type_ns);
    if (!is_looked_at || !(record.owner.view() == name_.view())) return;
    if (record.type == type_) {
      answered.records.emplace_back(record.rdata.begin(), record.rdata.end());
      answered.ttl = std::max(answered.ttl, record.ttl);
    } else if (record.type == wire::type_rrsig && record.rdata.size() > 2 &&
               load_be16(record.rdata.data()) == type_) {
      answered.signatures.emplace_back(record.rdata.begin(), record.rdata.end());
    }
  }

  void finish(Result<Answered> result) {
    if (!done_) return;
    stream_.close();
    deadline_.cancel();
    const auto done = std::exchange(done_, {});
    done(std::move(result));
  }

  Stream stream_;
  asio::steady_timer deadline_;
  wire::Name name_;
  uint16_t type_;
  std::function<void(Result<Answered>)> done_;
  uint16_t id_ = 0;
  std::vector<uint8_t> message_;
};

}  // namespace

void ask_rrset(asio::io_context& context, const Endpoint& server, const wire::Name& name,
               uint16_t type, std::function<void(Result<Answered>)> done) {
  std::make_shared<Asking>(context, name, type, std::move(done))->start(server);
}

void ask_records(asio::io_context& context, const Endpoint& server, const wire::Name& name,
                 uint16_t type, std::function<void(Result<Records>)> done) {
  ask_rrset(context, server, name, type, [done = std::move(done)](Result<Answered> answered) {
    if (!answered) return done(std::unexpected(answered.error()));
    done(std::move(answered->records));
  });
}

}  // namespace holdfast::transfer
