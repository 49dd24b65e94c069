// SPDX-License-Identifier: GPL-3.0-or-later
// Keys, DS records and signatures that RFCs print as examples, for tests.
#pragma once

#include <array>
#include <cstdint>

namespace holdfast::dnssec {

struct KeySample {
  const char* source;
  const char* zone;
  uint8_t algorithm;
  uint16_t flags;
  const char* private_key;  // base64, as all below
  const char* public_key;
  uint16_t tag;
  uint8_t ds_digest;
  const char* ds_hex;
  // The record that is signed: an A of www.<zone>, or an MX at the apex.
  uint16_t type;
  uint8_t labels;
  uint32_t expiration;
  uint32_t inception;
  const char* signature;
};

constexpr std::array key_samples{
    KeySample{.source = "RFC 6605 §6.1",
              .zone = "example.net",
              .algorithm = 13,
              .flags = 257,
              .private_key = "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=",
              .public_key = "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edb"
                            "krSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
              .tag = 55648,
              .ds_digest = 2,
              .ds_hex = "B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17",
              .type = 1,
              .labels = 3,
              .expiration = 1284026679,
              .inception = 1281607479,
              .signature = "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXA"
                           "yGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw=="},
    KeySample{.source = "RFC 6605 §6.2",
              .zone = "example.net",
              .algorithm = 14,
              .flags = 257,
              .private_key = "WURgWHCcYIYUPWgeLmiPY2DJJk02vgrmTfitxgqcL4vwW7BOrbawVmVe0d9V94SR",
              .public_key = "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1"
                            "w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8"
                            "/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
              .tag = 10771,
              .ds_digest = 4,
              .ds_hex = "72D7B62976CE06438E9C0BF319013CF801F09ECC84B8"
                        "D7E9495F27E305C6A9B0563A9B5F4D288405C3008A946DF983D6",
              .type = 1,
              .labels = 3,
              .expiration = 1284027625,
              .inception = 1281608425,
              .signature = "/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP"
                           "95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuz"
                           "WTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm"},
    KeySample{.source = "RFC 8080 §6.1",
              .zone = "example.com",
              .algorithm = 15,
              .flags = 257,
              .private_key = "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
              .public_key = "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
              .tag = 3613,
              .ds_digest = 2,
              .ds_hex = "3AA5AB37EFCE57F737FC1627013FEE07BDF241BD10F3B1964AB55C78E79A304B",
              .type = 15,
              .labels = 2,
              .expiration = 1440021600,
              .inception = 1438207200,
              .signature = "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23"
                           "mRZ9VrbpMngwcrqNAg=="},
    KeySample{.source = "RFC 8080 §6.2",
              .zone = "example.com",
              .algorithm = 16,
              .flags = 257,
              .private_key = "xZ+5Cgm463xugtkY5B0Jx6erFTXp13rYegst0qRtNsOYnaVpMx0Z/c5EiA9x8wWbDD"
                             "ct/U3FhYWA",
              .public_key = "3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm"
                            "1MDpJtIA",
              .tag = 9713,
              .ds_digest = 2,
              .ds_hex = "6CCF18D5BC5D7FC2FCEB1D59D17321402F2AA8D368048DB93DD811F5CB2B19C7",
              .type = 15,
              .labels = 2,
              .expiration = 1440021600,
              .inception = 1438207200,
              .signature = "3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6"
                           "SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSN"
                           "yGEY2213WKsJlwEA"},
};

}  // namespace holdfast::dnssec
