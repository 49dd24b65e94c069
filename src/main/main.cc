// SPDX-License-Identifier: GPL-3.0-or-later
// The `holdfast` program: joins the parts.

int main() { return 2; }
