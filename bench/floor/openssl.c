/* Floor of https: read, CRC-64, write over OpenSSL, a thread a connection; the same requests and pieces as `raw.rs`.

   openssl-floor PORT FILE PART_SIZE CONNECTIONS CA.PEM
   openssl-floor check     tells which CRC-64 is used, and fails where it is wrong */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc64.h"

/* As in the other floors. */
#define PIECE (256 * 1024)
#define HEAD 1024
/* A piece with its records' heads and tags leaves in one system call. */
#define OUT (PIECE + HEAD + 64 * 64)

static const char *file_name;
static long long part_size, file_size;
static int file, port;
static SSL_CTX *context;
static atomic_llong next_part;

static void fail(const char *what) {
    fprintf(stderr, "openssl-floor: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static SSL *dial(void) {
    int one = 1, handle = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (handle < 0 || connect(handle, (struct sockaddr *)&address, sizeof address) != 0) fail("cannot connect");
    setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    SSL *session = SSL_new(context);
    BIO *in = BIO_new_socket(handle, BIO_CLOSE), *buffered = BIO_new(BIO_f_buffer());
    if (!session || !in || !buffered || BIO_set_write_buffer_size(buffered, OUT) != 1) fail("no session");
    BIO_up_ref(in);
    SSL_set0_rbio(session, in);
    SSL_set0_wbio(session, BIO_push(buffered, in));
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), "127.0.0.1") != 1) fail("no name to verify");
    if (SSL_connect(session) != 1) fail("no handshake");
    return session;
}

static void put(SSL *session, const unsigned char *bytes, size_t length) {
    size_t written = 0;
    if (SSL_write_ex(session, bytes, length, &written) != 1 || written != length) fail("cannot write");
    if (BIO_flush(SSL_get_wbio(session)) != 1) fail("cannot flush");
}

/* The CRC-64 of a reply without a body. */
static uint64_t reply(SSL *session) {
    char head[4096];
    size_t filled = 0, more = 0;
    do {
        if (SSL_read_ex(session, head + filled, sizeof head - 1 - filled, &more) != 1) fail("no reply");
        filled += more;
        head[filled] = 0;
    } while (filled < 4 || strcmp(head + filled - 4, "\r\n\r\n") != 0);
    const char *crc64 = strstr(head, "x-oss-hash-crc64ecma:");
    if (strncmp(head, "HTTP/1.1 200", 12) != 0 || !crc64) fail("another reply");
    return strtoull(crc64 + sizeof "x-oss-hash-crc64ecma:" - 1, NULL, 10);
}

/* Of the same length as the head of `head.rs`. */
static size_t request(char *head, long long number, long long length) {
    int written = snprintf(head, HEAD,
        "PUT /bench/big?partNumber=%lld&uploadId=0004B9894A22E5B1888A1E29F8236E2D HTTP/1.1\r\n"
        "host: 127.0.0.1:%d\r\nuser-agent: oss-http/0.1.0\r\ncontent-length: %lld\r\nx-oss-date: 20261125T000000Z\r\n"
        "x-oss-content-sha256: UNSIGNED-PAYLOAD\r\n"
        "authorization: OSS4-HMAC-SHA256 Credential=bench/20261125/cn-hangzhou/oss/aliyun_v4_request,"
        "Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n\r\n",
        number, port, length);
    if (written <= 0 || written >= HEAD) fail("the head is too long");
    return (size_t)written;
}

static void *send_parts(void *unused) {
    (void)unused;
    SSL *session = dial();
    unsigned char *buffer = aligned_alloc(4096, 4096 + PIECE), *piece = buffer + 4096;
    if (!buffer) fail("no memory");
    for (;;) {
        long long index = atomic_fetch_add(&next_part, 1), from = index * part_size;
        if (from >= file_size) break;
        long long length = part_size < file_size - from ? part_size : file_size - from;
        char head[HEAD];
        size_t head_length = request(head, index + 1, length);
        uint64_t crc64 = CRC64_EMPTY;
        for (long long done = 0; done < length;) {
            size_t take = length - done < PIECE ? (size_t)(length - done) : PIECE;
            if (pread(file, piece, take, from + done) != (ssize_t)take) fail("cannot read the file");
            crc64 = crc64_more(crc64, piece, take);
            done += (long long)take;
            /* Head and first piece together. */
            memcpy(piece - head_length, head, head_length);
            put(session, piece - head_length, head_length + take);
            head_length = 0;
        }
        if (reply(session) != ~crc64) fail("the server has another CRC-64");
    }
    SSL_shutdown(session);
    SSL_free(session);
    free(buffer);
    return NULL;
}

int main(int count, char **words) {
    const char *why = crc64_begin();
    if (!why) fail("the CRC-64 is wrong");
    if (count == 2 && strcmp(words[1], "check") == 0) {
        printf("%s, CRC-64 by %s\n", OpenSSL_version(OPENSSL_VERSION), why);
        return 0;
    }
    if (count != 6) fail("usage: PORT FILE PART_SIZE CONNECTIONS CA.PEM");
    struct stat found;
    port = atoi(words[1]), file_name = words[2], part_size = atoll(words[3]);
    int connections = atoi(words[4]);
    file = open(file_name, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &found) != 0 || part_size <= 0 || connections < 1 || connections > 1024) fail("cannot begin");
    file_size = found.st_size;
    context = SSL_CTX_new(TLS_client_method());
    /* The suite that the command and the other floor negotiate. */
    if (!context || SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1) fail("no TLS");
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(context, words[5], NULL) != 1) fail("no certificate to trust");
    pthread_t threads[1024];
    for (int index = 0; index < connections; index++)
        if (pthread_create(&threads[index], NULL, send_parts, NULL) != 0) fail("no thread");
    for (int index = 0; index < connections; index++) pthread_join(threads[index], NULL);
    return 0;
}
