/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every call of websock.h, without memory. */
#include "check.h"
#include "torture.h"

static SCENARIO ws(const char* name, STEP step)
{
    return (SCENARIO){ .name = name, .step = step, .host = "127.0.0.1" };
}

static SCENARIO wss(const char* name, STEP step)
{
    SCENARIO scenario = ws(name, step);
    scenario.tls = true;
    return scenario;
}

/* After another connection, in a process where OpenSSL and the resolver are set up. */
static SCENARIO warm(SCENARIO scenario)
{
    scenario.warm = true;
    return scenario;
}

static SCENARIO at(const char* host, SCENARIO scenario)
{
    scenario.host = host;
    return scenario;
}

static SCENARIO trusting_others(SCENARIO scenario)
{
    scenario.other_ca = true;
    return scenario;
}

TEST(ws_open) { torture(ws(__func__, OPEN)); }
TEST(ws_open_by_name) { torture(at("localhost", ws(__func__, OPEN))); }
TEST(ws_warm_open) { torture(warm(ws(__func__, OPEN))); }
TEST(ws_greet) { torture(ws(__func__, GREET)); }
TEST(ws_send_small) { torture(ws(__func__, SEND_SMALL)); }
TEST(ws_send_large) { torture(ws(__func__, SEND_LARGE)); }
TEST(ws_receive) { torture(ws(__func__, RECEIVE)); }
TEST(ws_handle_events) { torture(ws(__func__, HANDLE_EVENTS)); }
TEST(ws_server_closes) { torture(ws(__func__, SERVER_CLOSES)); }
TEST(ws_close) { torture(ws(__func__, CLOSE)); }

TEST(wss_open) { torture(wss(__func__, OPEN)); }
TEST(wss_warm_open) { torture(warm(wss(__func__, OPEN))); }
TEST(wss_greet) { torture(warm(wss(__func__, GREET))); }
TEST(wss_send_small) { torture(wss(__func__, SEND_SMALL)); }
TEST(wss_send_large) { torture(wss(__func__, SEND_LARGE)); }
TEST(wss_receive) { torture(wss(__func__, RECEIVE)); }
TEST(wss_handle_events) { torture(wss(__func__, HANDLE_EVENTS)); }
TEST(wss_server_closes) { torture(wss(__func__, SERVER_CLOSES)); }
TEST(wss_close) { torture(wss(__func__, CLOSE)); }

/* A server that is not to be trusted is refused, whatever could not be checked. */
TEST(wss_refuse_ca) { torture(trusting_others(wss(__func__, REFUSE))); }
TEST(wss_warm_refuse_ca) { torture(warm(trusting_others(wss(__func__, REFUSE)))); }
TEST(wss_refuse_name) { torture(at("localhost", wss(__func__, REFUSE))); }
TEST(wss_warm_refuse_name) { torture(warm(at("localhost", wss(__func__, REFUSE)))); }
TEST(wss_refuse_ipv6) { torture(at("::1", wss(__func__, REFUSE))); }
TEST(wss_warm_refuse_ipv6) { torture(warm(at("::1", wss(__func__, REFUSE)))); }
