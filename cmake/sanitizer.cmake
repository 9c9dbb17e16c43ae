# WSIO_SANITIZER: library, examples and tests with one of clang's sanitizers. They
# must be compiled with clang, which brings the runtime; rustc instruments alike,
# but the option is not stable yet. lws and OpenSSL stay as they are.
#
# Sets WSIO_CARGO_ENVIRONMENT and WSIO_CARGO_OPTIONS, which cargo is run with, and
# WSIO_CARGO_OUT, where it leaves the libraries. Cargo's archive is taken as it is
# then: the sanitizers' tables do not survive that its objects are linked into one.

set(WSIO_SANITIZER "" CACHE STRING "Sanitizer for library and tests: address or thread")
set_property(CACHE WSIO_SANITIZER PROPERTY STRINGS "" address thread)
mark_as_advanced(WSIO_SANITIZER)

set(WSIO_CARGO_ENVIRONMENT "")
set(WSIO_CARGO_OPTIONS "")
set(WSIO_CARGO_OUT "${WSIO_CARGO_TARGET_DIR}/release")
if(NOT WSIO_SANITIZER)
    return()
elseif(NOT WSIO_SANITIZER MATCHES "^(address|thread)$")
    message(FATAL_ERROR "WSIO_SANITIZER is '${WSIO_SANITIZER}'; it can be address or thread")
elseif(NOT CMAKE_C_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "WSIO_SANITIZER needs clang: -DCMAKE_C_COMPILER=clang")
endif()

get_filename_component(bin "${WSIO_CARGO}" DIRECTORY)
find_program(WSIO_RUSTC rustc HINTS "${bin}" REQUIRED)
mark_as_advanced(WSIO_RUSTC)
execute_process(COMMAND "${WSIO_RUSTC}" -vV WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    OUTPUT_VARIABLE version)
string(REGEX MATCH "host: ([^\n]+)" host "${version}")
set(host "${CMAKE_MATCH_1}")
# With a target, also the host's own, the flags do not reach build scripts.
set(WSIO_CARGO_OPTIONS --target "${host}")
set(WSIO_CARGO_OUT "${WSIO_CARGO_TARGET_DIR}/${host}/release")
set(rustflags "-Zsanitizer=${WSIO_SANITIZER} -Cdebuginfo=line-tables-only")
# Rust's core is not instrumented. Newer compilers want to hear that we know.
set(permission -Cunsafe-allow-abi-mismatch=sanitizer)
execute_process(COMMAND ${CMAKE_COMMAND} -E env RUSTC_BOOTSTRAP=1 "${WSIO_RUSTC}" ${permission} --print cfg
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" RESULT_VARIABLE unknown OUTPUT_QUIET ERROR_QUIET)
if(NOT unknown)
    string(APPEND rustflags " ${permission}")
endif()
set(WSIO_CARGO_ENVIRONMENT RUSTC_BOOTSTRAP=1 "RUSTFLAGS=${rustflags}")

set(flags "-fsanitize=${WSIO_SANITIZER}")
if(WSIO_SANITIZER STREQUAL address)
    list(APPEND flags -fsanitize=undefined -fno-sanitize-recover=all)
endif()
if(WSIO_SANITIZER STREQUAL thread AND CMAKE_C_COMPILER_VERSION VERSION_LESS 15)
    # rustc calls these by names that this runtime does not have yet.
    foreach(name IN ITEMS memcpy memmove memset)
        add_link_options(LINKER:--defsym=__tsan_${name}=${name})
    endforeach()
endif()
add_compile_options(${flags} -g -O1 -fno-omit-frame-pointer)
add_link_options(${flags})
