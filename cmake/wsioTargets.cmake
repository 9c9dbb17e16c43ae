# wsio::wsio (shared) and wsio::wsio_static, for the libraries in
# WSIO_LIBRARY_DIR and the headers in WSIO_INCLUDE_DIRS. What a program needs to
# link them comes along.

add_library(wsio::wsio SHARED IMPORTED)
set_target_properties(wsio::wsio PROPERTIES
    IMPORTED_LOCATION "${WSIO_LIBRARY_DIR}/libwsio.so.1"
    IMPORTED_SONAME libwsio.so.1
    INTERFACE_INCLUDE_DIRECTORIES "${WSIO_INCLUDE_DIRS}")

find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
    pkg_check_modules(WSIO_NEEDS QUIET libwebsockets>=4.1 openssl>=3.0)
endif()
if(NOT WSIO_NEEDS_FOUND)
    # Where the linker finds them, or says which is missing.
    set(WSIO_NEEDS_LINK_LIBRARIES -lwebsockets -lssl -lcrypto)
endif()

add_library(wsio::wsio_static STATIC IMPORTED)
set_target_properties(wsio::wsio_static PROPERTIES
    IMPORTED_LOCATION "${WSIO_LIBRARY_DIR}/libwsio.a"
    INTERFACE_LINK_LIBRARIES "${WSIO_NEEDS_LINK_LIBRARIES}"
    INTERFACE_INCLUDE_DIRECTORIES "${WSIO_INCLUDE_DIRS}")
