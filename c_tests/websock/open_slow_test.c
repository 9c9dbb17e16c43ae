/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A time_out of 0 is 20 seconds. */
#include "client.h"

static void say_nothing(RAW_PEER* peer, void* context)
{
    (void)context;
    raw_drain(peer);
}

TEST(the_default_time_out)
{
    RAW_SERVER* server = raw_server_start("127.0.0.1", say_nothing, NULL);
    websock_config_t config = config_at(raw_server_port(server), "/");
    long long start = clock_ms();
    expect_no_open(&config, "time");
    CHECK(clock_ms() - start >= 19990);
    CHECK(clock_ms() - start < 20000 + soon_ms());
    raw_server_stop(server);
}
