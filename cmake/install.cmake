# SPDX-License-Identifier: GPL-3.0-or-later
# What packaging/README.md says a package holds.
include(GNUInstallDirs)
install(TARGETS holdfast RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES packaging/holdfast.service DESTINATION lib/systemd/system)
install(FILES packaging/holdfast.sysusers DESTINATION lib/sysusers.d RENAME holdfast.conf)
install(FILES packaging/holdfast.toml DESTINATION /etc/holdfast)
install(DIRECTORY DESTINATION /etc/holdfast/zones)
install(FILES packaging/holdfast.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY src/drill/scenarios/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/scenarios)
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/holdfast.completion
  COMMAND holdfast completion bash > ${CMAKE_BINARY_DIR}/holdfast.completion
  DEPENDS holdfast)
add_custom_target(completion ALL DEPENDS ${CMAKE_BINARY_DIR}/holdfast.completion)
install(FILES ${CMAKE_BINARY_DIR}/holdfast.completion
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME holdfast)
