# Puts a text file into a library as a C string.
#   binq_embed_text(target file symbol)
# defines `const char symbol[]`, NUL-terminated. Declare it where it is used: extern const char symbol[];
set(BINQ_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/EmbedText.cmake)

function(binq_embed_text target file symbol)
  get_filename_component(input ${file} ABSOLUTE)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${input} -DOUTPUT=${output} -DSYMBOL=${symbol} -P
            ${BINQ_EMBED_SCRIPT}
    DEPENDS ${input} ${BINQ_EMBED_SCRIPT}
    COMMENT "Embedding ${file}"
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
