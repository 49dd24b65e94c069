# SPDX-License-Identifier: GPL-3.0-or-later
# Embeds text files in a module's library, each as its name, a zero byte, its text, a zero byte.
#
# C++ reaches them as  extern "C" const char NAME_files[], NAME_files_end[];
function(holdfast_embed_texts output_variable name)
  set(assembly ${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.S)
  set(lines "")
  foreach(file ${ARGN})
    get_filename_component(stem ${file} NAME_WE)
    string(APPEND lines ".asciz \"${stem}\"\n.incbin \"${file}\"\n.byte 0\n")
  endforeach()
  file(CONFIGURE OUTPUT ${assembly} @ONLY CONTENT
".section .rodata
.global @name@_files
@name@_files:
@lines@.global @name@_files_end
@name@_files_end:
.byte 0
.section .note.GNU-stack,\"\",@progbits
")
  set_source_files_properties(${assembly} PROPERTIES OBJECT_DEPENDS "${ARGN}")
  set(${output_variable} ${assembly} PARENT_SCOPE)
endfunction()
