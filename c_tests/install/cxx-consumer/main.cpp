// SPDX-License-Identifier: MIT OR Apache-2.0
// Every function of wsio.h and list.h has C linkage for a C++ program.
#include "wsio.h"

#include "list.h"

#include <memory>

int main()
{
    WSIO_CONFIG config = {"localhost", 443, "mqtt", "/mqtt", true, nullptr};
    std::unique_ptr<void, decltype(&wsio_destroy)> io(wsio_create(&config, nullptr), wsio_destroy);

    wsio_dowork(io.get());
    const bool works = io != nullptr
        && wsio_send(io.get(), "x", 1, nullptr, nullptr) != 0
        && wsio_close(io.get(), nullptr, nullptr) != 0
        && wsio_setoption(io.get(), "option", nullptr) != 0
        && wsio_get_interface_description()->concrete_io_create == wsio_create
        && wsio_get_interface_description()->concrete_io_open == wsio_open;
    return works ? 0 : 1;
}
