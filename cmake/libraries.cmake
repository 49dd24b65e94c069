# SPDX-License-Identifier: GPL-3.0-or-later
# What each module links with from outside: HOLDFAST_LINK_<module>. All from Debian.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
pkg_check_modules(ZSCANNER REQUIRED IMPORTED_TARGET libzscanner)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(FSTRM REQUIRED IMPORTED_TARGET libfstrm)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
find_library(CAP_LIBRARY cap REQUIRED)

set(HOLDFAST_LINK_zone PkgConfig::ZSCANNER OpenSSL::Crypto)
set(HOLDFAST_LINK_dnssec OpenSSL::Crypto)
set(HOLDFAST_LINK_log spdlog::spdlog fmt::fmt)
set(HOLDFAST_LINK_supervise PkgConfig::SYSTEMD ${CAP_LIBRARY})
set(HOLDFAST_LINK_config fmt::fmt)
set(HOLDFAST_LINK_control Boost::json PkgConfig::FSTRM PkgConfig::PROTOBUF_C PkgConfig::SYSTEMD
    OpenSSL::Crypto fmt::fmt Threads::Threads)
set(HOLDFAST_LINK_main spdlog::spdlog fmt::fmt Boost::json)
