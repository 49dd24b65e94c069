// SPDX-License-Identifier: GPL-3.0-or-later
#include <benchmark/benchmark.h>

#include <vector>

#include "wire/response_writer.h"

namespace holdfast::wire {
namespace {

std::vector<uint8_t> record(uint16_t type, Bytes rdata) {
  std::vector<uint8_t> bytes(12 + rdata.size());
  store_be16(&bytes[0], 0xC00C);
  store_be16(&bytes[2], type);
  store_be16(&bytes[4], class_in);
  store_be32(&bytes[6], 3600);
  store_be16(&bytes[10], static_cast<uint16_t>(rdata.size()));
  std::memcpy(&bytes[12], rdata.data(), rdata.size());
  return bytes;
}

void write_address(benchmark::State& state) {
  const Name qname = Name::from_text("www.example.com").value();
  const std::vector<uint8_t> rdata{192, 0, 2, 1};
  const auto address = record(type_a, rdata);
  std::vector<uint8_t> out(1232);
  for (auto _ : state) {
    ResponseWriter writer(out, out.size());
    bool fits = writer.write_question(qname, type_a, class_in);
    fits &= writer.add(Section::answer, qname, {address, 1});
    benchmark::DoNotOptimize(fits);
    benchmark::DoNotOptimize(writer.finish(1, flag_qr));
  }
}
BENCHMARK(write_address);

void write_referral(benchmark::State& state) {
  const Name qname = Name::from_text("www.example.com").value();
  const Name cut = Name::from_text("example.com").value();
  std::vector<uint8_t> servers;
  std::vector<Name> names;
  for (const char* text : {"ns1.example.com", "ns2.example.com", "ns3.example.com"}) {
    names.push_back(Name::from_text(text).value());
    const auto server = record(type_ns, names.back().view().bytes());
    servers.insert(servers.end(), server.begin(), server.end());
  }
  const std::vector<uint8_t> rdata{192, 0, 2, 1};
  const auto address = record(type_a, rdata);
  std::vector<uint8_t> out(1232);
  for (auto _ : state) {
    ResponseWriter writer(out, out.size());
    bool fits = writer.write_question(qname, type_a, class_in);
    fits &= writer.add(Section::authority, cut, {servers, 3});
    for (const Name& name : names) fits &= writer.add(Section::additional, name, {address, 1});
    benchmark::DoNotOptimize(fits);
    benchmark::DoNotOptimize(writer.finish(1, flag_qr));
  }
}
BENCHMARK(write_referral);

}  // namespace
}  // namespace holdfast::wire
