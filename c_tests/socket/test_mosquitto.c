/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* MQTT 3.1.1 through wsio with the broker mosquitto: what wsio was made for. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "servers.h"

enum { SKIPPED = 77 };

/* A port that was free a moment ago: mosquitto does not choose one itself. */
static int free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int holder = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(bind(holder, (struct sockaddr*)&address, size), 0);
    CHECK_INT(getsockname(holder, (struct sockaddr*)&address, &size), 0);
    close(holder);
    return ntohs(address.sin_port);
}

static bool accepts_connections(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons((unsigned short)port) };
    int probe = socket(AF_INET, SOCK_STREAM, 0);
    bool accepted = connect(probe, (struct sockaddr*)&address, sizeof address) == 0;
    close(probe);
    return accepted;
}

static void write_config(const char* path, int port, bool tls)
{
    FILE* file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file,
            "user root\n" /* so that it can read its key; without root it stays who it is */
            "persistence false\n"
            "log_dest none\n"
            "allow_anonymous true\n"
            /* mosquitto 2.0.11 wants a listener without WebSocket too */
            "listener 0 %s\n"
            "listener %d 127.0.0.1\n"
            "protocol websockets\n",
            temporary_file("mqtt.socket"), port);
    if (tls) {
        fprintf(file, "certfile %s\nkeyfile %s\n", certificate_file("server.pem"),
                certificate_file("server.key"));
    }
    fclose(file);
}

/* A broker on a free port; the port. Tried again if another took the port. */
static int start_broker(CHILD* broker, bool tls)
{
    const char* path = temporary_file("mosquitto.conf");
    if (access(WSIO_MOSQUITTO, X_OK) != 0) {
        puts("skipped: there is no mosquitto (Debian package mosquitto)");
        exit(SKIPPED);
    }
    for (int attempt = 0; attempt < 5; attempt++) {
        int port = free_port();
        const char* const argv[] = { WSIO_MOSQUITTO, "-c", path, NULL };
        DEADLINE deadline = deadline_after(20);
        write_config(path, port, tls);
        child_start(broker, argv);
        while (child_is_running(broker) && !deadline_passed(deadline)) {
            if (accepts_connections(port)) {
                return port;
            }
        }
        child_kill(broker);
    }
    CHECK(!"mosquitto listens");
    return 0;
}

/* MQTT packets. -------------------------------------------------------------- */

enum { CONNECT = 0x10, PUBLISH = 0x30, PUBLISH_QOS_1 = 0x32, SUBSCRIBE = 0x82,
       PINGREQ = 0xC0, DISCONNECT = 0xE0 };

typedef struct PACKET_TAG {
    unsigned char* bytes;
    size_t size;
} PACKET;

/* Fixed header and two parts of a body. The caller frees the bytes. */
static PACKET packet(int type, const void* head, size_t head_size, const void* body,
                     size_t body_size)
{
    size_t length = head_size + body_size;
    PACKET made = { malloc(length + 5), 1 };
    CHECK(made.bytes != NULL);
    made.bytes[0] = (unsigned char)type;
    for (size_t rest = length;; rest /= 128) {
        made.bytes[made.size++] = (unsigned char)(rest % 128 | (rest >= 128 ? 0x80 : 0));
        if (rest < 128) {
            break;
        }
    }
    if (head_size > 0) {
        memcpy(made.bytes + made.size, head, head_size);
    }
    if (body_size > 0) {
        memcpy(made.bytes + made.size + head_size, body, body_size);
    }
    made.size += length;
    return made;
}

static void send_packet(SESSION* session, int type, const void* head, size_t head_size,
                        const void* body, size_t body_size)
{
    PACKET made = packet(type, head, head_size, body, body_size);
    CHECK_INT(session_send(session, made.bytes, made.size), 0);
    free(made.bytes);
}

/* Waits for exactly these bytes from the broker. */
static void expect_bytes(SESSION* session, const void* bytes, size_t size)
{
    DRIVE_UNTIL(session, session->received_size >= size);
    CHECK_INT(session->received_size, size);
    CHECK_MEM(session->received, bytes, size);
    session_forget_received(session);
}

static void expect_packet(SESSION* session, int type, const void* head, size_t head_size,
                          const void* body, size_t body_size)
{
    PACKET made = packet(type, head, head_size, body, body_size);
    expect_bytes(session, made.bytes, made.size);
    free(made.bytes);
}

/* CONNECT with a clean session, 60 s keep alive, and this one-letter name. */
static void mqtt_connect(SESSION* session, const WSIO_CONFIG* config, char name)
{
    char head[] = "\x00\x04MQTT\x04\x02\x00\x3C\x00\x01?";
    head[sizeof head - 2] = name;
    session_start(session, config);
    send_packet(session, CONNECT, head, sizeof head - 1, NULL, 0);
    expect_bytes(session, "\x20\x02\x00\x00", 4);
}

static WSIO_CONFIG broker_config(int port, bool tls)
{
    WSIO_CONFIG config = config_for("127.0.0.1", port, "/mqtt", tls ? test_ca() : NULL);
    config.protocol_name = "mqtt"; /* SRS_WSIO_01_031 */
    return config;
}

#define TOPIC "\x00\x04wsio"
#define TOPIC_SIZE 6

TEST_WS_AND_WSS(mqtt_publish_to_oneself)
{
    static const size_t sizes[] = { 1, 100, 130, 20000, 40000 };
    CHILD broker;
    SESSION session;
    WSIO_CONFIG config = broker_config(start_broker(&broker, tls), tls);
    mqtt_connect(&session, &config, 'a');
    send_packet(&session, SUBSCRIBE, "\x00\x01" TOPIC "\x00", 2 + TOPIC_SIZE + 1, NULL, 0);
    expect_bytes(&session, "\x90\x03\x00\x01\x00", 5);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char* bytes = payload(sizes[i], (unsigned)i);
        send_packet(&session, PUBLISH, TOPIC, TOPIC_SIZE, bytes, sizes[i]);
        expect_packet(&session, PUBLISH, TOPIC, TOPIC_SIZE, bytes, sizes[i]);
        free(bytes);
    }
    send_packet(&session, PUBLISH_QOS_1, TOPIC "\x00\x07", TOPIC_SIZE + 2, "x", 1);
    DRIVE_UNTIL(&session, session.received_size >= 13);
    /* The message and its PUBACK, in either order. */
    const char* ack = memmem(session.received, session.received_size, "\x40\x02\x00\x07", 4);
    CHECK(ack != NULL);
    session_forget_received(&session);
    send_packet(&session, PINGREQ, NULL, 0, NULL, 0);
    expect_bytes(&session, "\xD0\x00", 2);
    send_packet(&session, DISCONNECT, NULL, 0, NULL, 0);
    DRIVE_UNTIL(&session, session.sent[IO_SEND_OK] == session.sends_owed);
    CHECK_INT(session_close(&session), 0);
    session_destroy(&session);
    session_check_balance(&session);
}

TEST_WS_AND_WSS(mqtt_publish_to_another)
{
    enum { COUNT = 200 };
    CHILD broker;
    SESSION reader;
    SESSION writer;
    WSIO_CONFIG config = broker_config(start_broker(&broker, tls), tls);
    mqtt_connect(&reader, &config, 'r');
    mqtt_connect(&writer, &config, 'w');
    send_packet(&reader, SUBSCRIBE, "\x00\x01" TOPIC "\x00", 2 + TOPIC_SIZE + 1, NULL, 0);
    expect_bytes(&reader, "\x90\x03\x00\x01\x00", 5);
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned char number[4] = { (unsigned char)(i >> 8), (unsigned char)i, 'o', 'k' };
        send_packet(&writer, PUBLISH, TOPIC, TOPIC_SIZE, number, sizeof number);
    }
    DRIVE_UNTIL(&reader, (session_step(&writer), reader.received_size >= COUNT * 12));
    CHECK_INT(reader.received_size, COUNT * 12);
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned char expected[12] = "\x30\x0A" TOPIC;
        expected[8] = (unsigned char)(i >> 8);
        expected[9] = (unsigned char)i;
        expected[10] = 'o';
        expected[11] = 'k';
        CHECK_MEM(reader.received + i * 12, expected, 12);
    }
    session_destroy(&writer);
    session_destroy(&reader);
    CHECK_INT(reader.errors + writer.errors, 0);
}

/* The broker ends a connection that does not speak MQTT. */
TEST_WS_AND_WSS(mqtt_broker_hangs_up)
{
    CHILD broker;
    SESSION session;
    WSIO_CONFIG config = broker_config(start_broker(&broker, tls), tls);
    session_start(&session, &config);
    CHECK_INT(session_send(&session, "hello, broker", 13), 0);
    DRIVE_UNTIL(&session, session.errors > 0);
    session_settle(&session);
    CHECK_INT(session.errors, 1);
    CHECK_INT(session_close(&session), 0);
    session_destroy(&session);
    mqtt_connect(&session, &config, 'z');
    session_destroy(&session);
    session_check_balance(&session);
}
