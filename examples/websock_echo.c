/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* websock_echo: sends a line to a WebSocket server and prints what comes back.
 *
 *     websock_echo HOST PORT PATH TEXT [CA_FILE]
 *
 * With the file of a certificate authority it uses TLS, and trusts that authority. */
#include "websock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_failure(void* context, const char* line) {
    (void)context;
    fprintf(stderr, "%s\n", line);
}

int main(int argc, char** argv) {
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: websock_echo HOST PORT PATH TEXT [CA_FILE]\n");
        return 2;
    }
    websock_set_log_handler(print_failure, NULL);

    websock_config_t config;
    memset(&config, 0, sizeof config);
    config.hostname = argv[1];
    config.port = atoi(argv[2]);
    config.uri = argv[3];
    config.time_out = 5000;
    if (argc == 6) {
        config.secured = 1;
        config.ssl_config.ca_cert.path = argv[5];
        config.ssl_config.auth_mode = SSL_WRAP_VERIFY_REQUIRED;
    }
    websock_handle_t server = websock_open(&config);
    if (server == NULL) {
        return 1;
    }

    int result = websock_send_text(server, argv[4], (int)strlen(argv[4]));
    long long seen = 0; /* of the frame that is being received */
    for (int is_whole = 0; result == 0 && !is_whole;) {
        char buffer[4096];
        int size = sizeof buffer;
        websock_msg_hdr_t frame;
        int count = websock_recv(server, &frame, buffer, &size, 5000);
        if (count < 0 || frame.opcode < 0) {
            fprintf(stderr, "no answer\n");
            result = -1;
            break;
        }
        fwrite(buffer, 1, (size_t)count, stdout);
        seen += count;
        if (seen == frame.payload_len) {
            seen = 0;
            is_whole = frame.fin;
        }
    }
    putchar('\n');
    websock_close(server);
    return result == 0 ? 0 : 1;
}
