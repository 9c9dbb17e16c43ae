# For each face, wsio and websock: wsio::<face> (shared) and wsio::<face>_static, for
# the libraries in WSIO_LIBRARY_DIR and the headers in WSIO_INCLUDE_DIRS. What a
# program needs to link them comes along.

find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
    pkg_check_modules(WSIO_NEEDS QUIET libwebsockets>=4.1 openssl>=3.0)
endif()
if(NOT WSIO_NEEDS_FOUND)
    # Where the linker finds them, or says which is missing.
    set(WSIO_NEEDS_LINK_LIBRARIES -lwebsockets -lssl -lcrypto)
endif()

foreach(face IN ITEMS wsio websock)
    add_library(wsio::${face} SHARED IMPORTED)
    set_target_properties(wsio::${face} PROPERTIES
        IMPORTED_LOCATION "${WSIO_LIBRARY_DIR}/lib${face}.so.1"
        IMPORTED_SONAME lib${face}.so.1
        INTERFACE_INCLUDE_DIRECTORIES "${WSIO_INCLUDE_DIRS}")

    add_library(wsio::${face}_static STATIC IMPORTED)
    set_target_properties(wsio::${face}_static PROPERTIES
        IMPORTED_LOCATION "${WSIO_LIBRARY_DIR}/lib${face}.a"
        INTERFACE_LINK_LIBRARIES "${WSIO_NEEDS_LINK_LIBRARIES}"
        INTERFACE_INCLUDE_DIRECTORIES "${WSIO_INCLUDE_DIRS}")
endforeach()

# websock has threads.
find_package(Threads QUIET)
if(TARGET Threads::Threads)
    set_property(TARGET wsio::websock_static APPEND PROPERTY
        INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()
