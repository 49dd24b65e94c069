// SPDX-License-Identifier: GPL-3.0-or-later
#include "ferret_judge.h"

#include <algorithm>
#include <boost/json.hpp>
#include <sstream>

namespace holdfast::conformance {

namespace {

namespace json = boost::json;

std::vector<std::string> fields_of(const std::string& record) {
  std::istringstream stream(record);
  std::vector<std::string> fields;
  for (std::string field; stream >> field;) fields.push_back(field);
  return fields;
}

Given read_given(const json::object& group) {
  Given given;
  for (const json::value& server : group.at("servers").as_array()) {
    given.servers += std::string(server.as_string()) + " ";
  }
  Lines* section = nullptr;
  for (const json::value& value : group.at("response").as_array()) {
    const std::string line(value.as_string());
    if (line.starts_with("rcode ")) given.rcode = line.substr(6);
    if (line.starts_with("flags ")) given.authoritative = line.find(" AA") != std::string::npos;
    if (section != nullptr && !line.starts_with(";")) section->insert(normalize(line));
    if (line == ";ANSWER") section = &given.answer;
    if (line == ";AUTHORITY") section = &given.authority;
    if (line == ";ADDITIONAL") section = &given.additional;
  }
  return given;
}

bool is_address(const std::vector<std::string>& fields) {
  return fields.size() > 3 && (fields[3] == "a" || fields[3] == "aaaa");
}

bool is_at_or_below(const std::string& name, const std::string& ancestor) {
  return name == ancestor || name.ends_with("." + ancestor);
}

// Addresses of the servers that a referral names at or below its cut (RFC 9471 §3.1).
Lines required_glue(const FerretCase& ferret_case, const Given& given) {
  Lines required;
  if (given.authoritative) return required;
  std::istringstream zone(ferret_case.zone);
  std::vector<std::string> records;
  for (std::string line; std::getline(zone, line);) records.push_back(normalize(line));
  for (const std::string& referral : given.authority) {
    const auto server = fields_of(referral);
    if (server.size() != 5 || server[3] != "ns" || !is_at_or_below(server[4], server[0])) continue;
    for (const std::string& record : records) {
      const auto fields = fields_of(record);
      if (is_address(fields) && fields[0] == server[4]) required.insert(record);
    }
  }
  return required;
}

bool is_apex_ns_set(const FerretCase& ferret_case, const Lines& lines) {
  return !lines.empty() && std::ranges::all_of(lines, [&](const std::string& line) {
    const auto fields = fields_of(line);
    return fields.size() > 3 && fields[3] == "ns" && fields[0] == ferret_case.apex;
  });
}

bool same(const FerretCase& ferret_case, const Given& given, const Given& ours) {
  const bool minimal = ours.authority.empty() && !given.answer.empty() &&
                       is_apex_ns_set(ferret_case, given.authority);
  return given.rcode == ours.rcode && given.authoritative == ours.authoritative &&
         given.answer == ours.answer && (given.authority == ours.authority || minimal);
}

std::string describe(const Given& given) {
  std::string text = "    " + given.servers + given.rcode + (given.authoritative ? " AA" : "");
  const std::pair<const char*, const Lines*> sections[] = {{"answer", &given.answer},
                                                           {"authority", &given.authority},
                                                           {"additional", &given.additional}};
  for (const auto& [title, lines] : sections) {
    for (const std::string& line : *lines) text += std::string("\n      ") + title + " " + line;
  }
  return text + "\n";
}

std::string describe_all(const FerretCase& ferret_case, const Given& ours) {
  std::string text = "case " + std::to_string(ferret_case.number) + ": " + ferret_case.qname + " " +
                     ferret_case.qtype + "\n" + ferret_case.zone + describe(ours);
  for (const Given& given : ferret_case.given) text += describe(given);
  return text;
}

}  // namespace

std::string normalize(const std::string& record) {
  std::string text;
  for (const std::string& field : fields_of(record)) {
    if (!text.empty()) text += ' ';
    text += field;
  }
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

FerretCase read_case(const std::string& json_line) {
  const json::object line = json::parse(json_line).as_object();
  FerretCase ferret_case;
  ferret_case.number = line.at("case").as_int64();
  ferret_case.zone = line.at("zone").as_string();
  ferret_case.apex = normalize(ferret_case.zone.substr(0, ferret_case.zone.find_first_of(" \t")));
  ferret_case.qname = line.at("query").at("Name").as_string();
  ferret_case.qtype = line.at("query").at("Type").as_string();
  for (const json::value& group : line.at("expected").as_array()) {
    ferret_case.given.push_back(read_given(group.as_object()));
  }
  return ferret_case;
}

std::string judge(const FerretCase& ferret_case, const Given& ours) {
  const auto& given = ferret_case.given;
  const bool unanimous = std::ranges::all_of(given, [&](const Given& other) {
    const Given& first = given.front();
    return other.rcode == first.rcode && other.authoritative == first.authoritative &&
           other.answer == first.answer && other.authority == first.authority;
  });
  const auto matches = [&](const Given& other) { return same(ferret_case, other, ours); };
  const bool right = unanimous ? matches(given.front()) : std::ranges::any_of(given, matches);
  if (!right) return "differs\n" + describe_all(ferret_case, ours);
  Lines allowed;
  for (const Given& other : given) allowed.insert(other.additional.begin(), other.additional.end());
  for (const std::string& line : ours.additional) {
    if (!allowed.contains(line)) return "extra " + line + "\n" + describe_all(ferret_case, ours);
  }
  for (const std::string& line : required_glue(ferret_case, ours)) {
    if (!ours.additional.contains(line)) {
      return "lacks " + line + "\n" + describe_all(ferret_case, ours);
    }
  }
  return {};
}

}  // namespace holdfast::conformance
