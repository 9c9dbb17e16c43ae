# Finds cargo (WSIO_CARGO), and says what to do when it is missing or too old.

file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../Cargo.toml" needed REGEX "^rust-version = ")
string(REGEX MATCH "[0-9.]+" needed "${needed}")
set(advice "wsio needs Rust ${needed} or newer. Install or update it as https://rustup.rs \
says (`rustup update stable` where rustup is there), or pass -DWSIO_CARGO=/path/to/cargo.")

find_program(WSIO_CARGO cargo HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin")
if(NOT WSIO_CARGO)
    message(FATAL_ERROR "cargo was not found. ${advice}")
endif()

execute_process(COMMAND "${WSIO_CARGO}" --version
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE found ERROR_VARIABLE found)
if(NOT found MATCHES "^cargo ([0-9.]+)")
    message(FATAL_ERROR "${WSIO_CARGO} does not run: ${found}\n${advice}")
elseif(CMAKE_MATCH_1 VERSION_LESS needed)
    message(FATAL_ERROR "${WSIO_CARGO} is ${CMAKE_MATCH_1}. ${advice}")
endif()
