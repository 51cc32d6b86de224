# The tests of IR and command lines, run by lit, and the programs they call.
set(binq_lit_tools binq-opt binqc binq-eval bench-kernels make-model)
set(binq_lit_targets "")
set(binq_tool_dirs "")
foreach(tool ${binq_lit_tools})
  if(TARGET ${tool})
    list(APPEND binq_lit_targets ${tool})
    list(APPEND binq_tool_dirs $<TARGET_FILE_DIR:${tool}>)
  endif()
endforeach()
configure_file(lit.site.cfg.py.in ${CMAKE_CURRENT_BINARY_DIR}/lit.site.cfg.py.tools @ONLY)
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/lit.site.cfg.py
     INPUT ${CMAKE_CURRENT_BINARY_DIR}/lit.site.cfg.py.tools)
add_custom_target(check-lit
  COMMAND ${BINQ_LLVM_PREFIX}/bin/lit -v ${CMAKE_CURRENT_BINARY_DIR}
  DEPENDS ${binq_lit_targets}
  USES_TERMINAL)
