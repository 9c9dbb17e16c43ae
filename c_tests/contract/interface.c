/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The layouts that C programs were compiled with, the vtable, and
 * wsio_setoption. */
#include "rig.h"

/* SRS_WSIO_01_003 */
TEST(the_configuration_has_the_layout_of_the_document)
{
    CHECK_INT(sizeof(WSIO_CONFIG), 48);
    CHECK_INT(offsetof(WSIO_CONFIG, host), 0);
    CHECK_INT(offsetof(WSIO_CONFIG, port), 8);
    CHECK_INT(offsetof(WSIO_CONFIG, protocol_name), 16);
    CHECK_INT(offsetof(WSIO_CONFIG, relative_path), 24);
    CHECK_INT(offsetof(WSIO_CONFIG, use_ssl), 32);
    CHECK_INT(offsetof(WSIO_CONFIG, trusted_ca), 40);
}

TEST(the_results_have_the_values_of_the_sdk)
{
    CHECK_INT(IO_OPEN_OK, 0);
    CHECK_INT(IO_OPEN_ERROR, 1);
    CHECK_INT(IO_OPEN_CANCELLED, 2);
    CHECK_INT(IO_SEND_OK, 0);
    CHECK_INT(IO_SEND_ERROR, 1);
    CHECK_INT(IO_SEND_CANCELLED, 2);
}

/* SRS_WSIO_01_064 */
TEST(the_vtable_names_the_functions)
{
    const IO_INTERFACE_DESCRIPTION* description = wsio_get_interface_description();
    CHECK(description != NULL);
    CHECK(description->concrete_io_create == wsio_create);
    CHECK(description->concrete_io_destroy == wsio_destroy);
    CHECK(description->concrete_io_open == wsio_open);
    CHECK(description->concrete_io_close == wsio_close);
    CHECK(description->concrete_io_send == wsio_send);
    CHECK(description->concrete_io_dowork == wsio_dowork);
    CHECK(description->concrete_io_setoption == wsio_setoption);
    CHECK_PTR(wsio_get_interface_description(), description);
}

/* A reader of the six slots of January 2016 finds the same functions.
 * SRS_WSIO_01_064 */
TEST(the_vtable_has_the_order_of_the_sdk)
{
    const size_t slot = sizeof(void (*)(void));
    CHECK_INT(offsetof(IO_INTERFACE_DESCRIPTION, concrete_io_create), 0 * slot);
    CHECK_INT(offsetof(IO_INTERFACE_DESCRIPTION, concrete_io_destroy), 1 * slot);
    CHECK_INT(offsetof(IO_INTERFACE_DESCRIPTION, concrete_io_open), 2 * slot);
    CHECK_INT(offsetof(IO_INTERFACE_DESCRIPTION, concrete_io_close), 3 * slot);
    CHECK_INT(offsetof(IO_INTERFACE_DESCRIPTION, concrete_io_send), 4 * slot);
    CHECK_INT(offsetof(IO_INTERFACE_DESCRIPTION, concrete_io_dowork), 5 * slot);
    CHECK_INT(offsetof(IO_INTERFACE_DESCRIPTION, concrete_io_setoption), 6 * slot);
    CHECK_INT(sizeof(IO_INTERFACE_DESCRIPTION), 7 * slot);
}

static unsigned opened;

static void on_opened(void* context, IO_OPEN_RESULT result)
{
    CHECK_PTR(context, &opened);
    CHECK_INT(result, IO_OPEN_OK);
    opened++;
}

/* As xio does. SRS_WSIO_01_064 */
TEST(the_vtable_works)
{
    const IO_INTERFACE_DESCRIPTION* wsio = wsio_get_interface_description();
    WSIO_CONFIG config = plain_config();
    io = wsio->concrete_io_create(&config, recording_log);
    CHECK(io != NULL);
#ifdef WSIO_ABI_2016_03
    CHECK_INT(wsio->concrete_io_open(io, on_opened, &opened, NULL, NULL, NULL, NULL), 0);
#else
    CHECK_INT(wsio->concrete_io_open(io, on_opened, NULL, NULL, &opened), 0);
#endif
    lws_will_report(WHEN_SERVED, LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    wsio->concrete_io_dowork(io);
    CHECK_INT(opened, 1);
    CHECK_INT(wsio->concrete_io_send(io, "a", 1, NULL, NULL), 0);
    CHECK_INT(wsio->concrete_io_close(io, NULL, NULL), 0);
    CHECK(wsio->concrete_io_setoption(io, "option", "value") != 0);
    wsio->concrete_io_destroy(io);
    io = NULL;
    finish();
}

/* SRS_WSIO_03_001 */
TEST(there_are_no_options)
{
    int value = 1;
    CHECK(wsio_setoption(NULL, NULL, NULL) != 0);
    CHECK(wsio_setoption(NULL, "TrustedCerts", "x") != 0);
    create_io(NULL);
    forget_journal();
    CHECK(wsio_setoption(io, NULL, NULL) != 0);
    CHECK(wsio_setoption(io, "", &value) != 0);
    CHECK(wsio_setoption(io, "TrustedCerts", PEM("ca")) != 0);
    CHECK_JOURNAL_EMPTY(IN_LWS | IN_LIST | IN_SSL | TO_USER);
    finish();
}

/* SRS_WSIO_03_001 */
TEST(there_are_no_options_in_any_state)
{
    start_opening(NULL);
    CHECK(wsio_setoption(io, "option", "value") != 0);
    report(LWS_CALLBACK_CLIENT_ESTABLISHED, NULL, 0);
    CHECK(wsio_setoption(io, "option", "value") != 0);
    report_end(LWS_CALLBACK_CLIENT_CLOSED);
    CHECK(wsio_setoption(io, "option", "value") != 0);
    finish();
}
