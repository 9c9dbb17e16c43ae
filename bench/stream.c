/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

/* Many records in one read(). OpenSSL's own way, read_ahead, moves all that it has
 * read and not yet decrypted with each record. */
static bool read_many(SSL* ssl, int fd)
{
    BIO* buffer = BIO_new(BIO_f_buffer());
    BIO* in = BIO_new_socket(fd, BIO_NOCLOSE);
    BIO* out = BIO_new_socket(fd, BIO_NOCLOSE);
    if (buffer == NULL || in == NULL || out == NULL || BIO_set_read_buffer_size(buffer, 64 * 1024) != 1) {
        BIO_free(buffer);
        BIO_free(in);
        BIO_free(out);
        return false;
    }
    SSL_set_bio(ssl, BIO_push(buffer, in), out);
    return true;
}

int stream_start(struct stream* stream, int fd, SSL_CTX* tls)
{
    int on = 1;
    stream->fd = fd;
    stream->ssl = NULL;
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        return -1;
    }
    if (tls != NULL) {
        stream->ssl = SSL_new(tls);
        if (stream->ssl == NULL || !read_many(stream->ssl, fd)) {
            SSL_free(stream->ssl);
            return -1;
        }
        SSL_set_mode(stream->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
    return 0;
}

static ssize_t of_ssl(struct stream* stream, int result)
{
    int error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(stream->ssl, result);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        return 0;
    }
    return result > 0 ? result : -1;
}

static ssize_t of_socket(ssize_t result)
{
    if (result > 0) {
        return result;
    }
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static int as_int(size_t size)
{
    return size < INT_MAX ? (int)size : INT_MAX;
}

ssize_t stream_read(struct stream* stream, void* bytes, size_t size)
{
    if (stream->ssl != NULL) {
        return of_ssl(stream, SSL_read(stream->ssl, bytes, as_int(size)));
    }
    return of_socket(recv(stream->fd, bytes, size, 0));
}

ssize_t stream_write(struct stream* stream, const void* bytes, size_t size)
{
    if (stream->ssl != NULL) {
        return of_ssl(stream, SSL_write(stream->ssl, bytes, as_int(size)));
    }
    return of_socket(send(stream->fd, bytes, size, MSG_NOSIGNAL));
}

void stream_stop(struct stream* stream)
{
    SSL_free(stream->ssl);
    close(stream->fd);
}
