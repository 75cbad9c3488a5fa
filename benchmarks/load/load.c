/* A load generator for WebSocket servers: connects many clients, subscribes them, and counts what they receive.
 *
 * One thread, one epoll. It prints a line of JSON when every client is ready, and one for each command on its standard
 * input: `start` counts from zero, `report N` tells what came and what is missing when each client should have N events.
 * `cut` resets all connections at once; `return READY FILE` counts from zero and connects all again, client n with line
 * n of the file (modulo its lines) as its first message, where a byte 31 stands for a newline, and ready once it has read
 * READY; `sums` tells the sum of the stamps that the first client of each line has read, and how many others differ.
 * It ends, and resets its connections, when its standard input does.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frames.h"

#define READ_SIZE (256 * 1024)
#define MAX_MESSAGES 8
#define MESSAGE_ROOM 2048
#define MAX_EVENTS 256
#define SECOND 1000000000ull
#define MAX_GROUPS 4096
#define NEWLINE_MARK 31
#define PROBE_INTERVAL (SECOND / 20)

enum state { CONNECTING, UPGRADING, SUBSCRIBING, READY, GONE };

struct client {
    int fd;
    enum state state;
    unsigned number;
    unsigned answers; /* frames with the ready marker */
    uint8_t *stash;   /* the beginning of a frame, or of the answer to the handshake */
    size_t stashed, stash_room;
    struct stream stream;
};

struct reply {
    const char *in, *out;
};

struct message {
    const char *data;
    size_t size;
};

static struct {
    const char *path, *protocol, *ready, *probe, *probe_marker;
    const char *headers[MAX_MESSAGES];
    struct message first[MAX_MESSAGES];
    struct reply replies[MAX_MESSAGES];
    unsigned header_count, first_count, reply_count;
    unsigned count, port, sources, modulus, ready_count, window;
    int binary, probing;
} options = {.path = "/", .count = 1, .sources = 1, .ready_count = 1, .window = 32};

static struct tally tally = {.marker = "stamp="};
static struct histogram probe_latency;
static struct client *clients; /* the one behind the last is the probe, which subscribes to nothing */
static unsigned client_total, begun, ready, gone;
static uint64_t started_at, probe_sent_at, next_probe_at;
static double cpu_at_start;
static int poll_fd, announced;
static struct message groups[MAX_GROUPS]; /* first messages of those who return; none before */
static unsigned group_count;
static uint64_t returned_at;
static uint8_t buffer[MAX_FRAME + 16 + READ_SIZE];

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "load: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Connections */

static int is_probe(const struct client *client) {
    return client->number == options.count;
}

static void watch(struct client *client, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = client};
    if (epoll_ctl(poll_fd, operation, client->fd, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

static void begin(unsigned number) {
    struct client *client = &clients[number];
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    struct sockaddr_in source = {.sin_family = AF_INET};
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int on = 1;
    client->number = number;
    client->state = CONNECTING;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (client->fd < 0) fail("socket %u: %s", number, strerror(errno));
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    /* One address has 28,000 ports; the kernel chooses the port when it knows where the connection goes. */
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number % options.sources);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(client->fd, (struct sockaddr *)&source, sizeof source) < 0) fail("bind: %s", strerror(errno));
    if (connect(client->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
        fail("connect %u: %s", number, strerror(errno));
    watch(client, EPOLL_CTL_ADD, EPOLLOUT);
}

static void write_all(struct client *client, const void *data, size_t size) {
    ssize_t written = send(client->fd, data, size, MSG_NOSIGNAL);
    if (written >= 0 && (size_t)written < size) fail("client %u: a message of %zu bytes was not taken", client->number, size);
}

static void send_frame(struct client *client, uint8_t opcode, const void *payload, size_t size) {
    static uint8_t room[MESSAGE_ROOM + 16];
    write_all(client, room, frame_write(room, opcode, payload, size));
}

/* Write the message with the client's number in place of %d, and a zero behind it. */
static size_t number_message(char *room, struct message message, unsigned number) {
    const char *place = memmem(message.data, message.size, "%d", 2);
    size_t before = place ? (size_t)(place - message.data) : message.size, size = before;
    if (message.size + 16 > MESSAGE_ROOM) fail("A message is too long");
    memcpy(room, message.data, before);
    if (place) {
        size += (size_t)sprintf(room + before, "%u", options.modulus ? number % options.modulus : number);
        memcpy(room + size, place + 2, message.size - before - 2);
        size += message.size - before - 2;
    }
    room[size] = 0;
    return size;
}

static void upgrade(struct client *client) {
    char request[MESSAGE_ROOM * 2], path[MESSAGE_ROOM];
    int error = 0, size;
    socklen_t error_size = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
    if (error) fail("connect %u: %s", client->number, strerror(error));
    number_message(path, (struct message){options.path, strlen(options.path)}, client->number);
    size = snprintf(request, sizeof request,
                    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: dHJ1bmtsaW5lIGJlbmNoIQ==\r\nSec-WebSocket-Version: 13\r\n",
                    path, options.port);
    if (options.protocol)
        size += snprintf(request + size, sizeof request - (size_t)size, "Sec-WebSocket-Protocol: %s\r\n", options.protocol);
    for (unsigned i = 0; i < options.header_count; i++)
        size += snprintf(request + size, sizeof request - (size_t)size, "%s\r\n", options.headers[i]);
    size += snprintf(request + size, sizeof request - (size_t)size, "\r\n");
    if ((size_t)size >= sizeof request) fail("The handshake is too long");
    write_all(client, request, (size_t)size);
    client->state = UPGRADING;
    watch(client, EPOLL_CTL_MOD, EPOLLIN);
}

/* Connections are begun in a window, so that no backlog overflows. */
static void become_ready(struct client *client) {
    client->state = READY;
    ready++;
    if (begun < client_total) begin(begun++);
}

static void subscribe(struct client *client) {
    char room[MESSAGE_ROOM];
    client->state = SUBSCRIBING;
    if (is_probe(client)) {
        become_ready(client);
        return;
    }
    if (group_count) {
        struct message own = groups[client->number % group_count];
        send_frame(client, TEXT, own.data, own.size);
    }
    for (unsigned i = 0; !group_count && i < options.first_count; i++)
        send_frame(client, options.binary ? BINARY : TEXT, room, number_message(room, options.first[i], client->number));
    if (!options.ready) become_ready(client);
}

static void lose(struct client *client, const char *why) {
    if (client->state != READY) fail("client %u, not ready yet: %s", client->number, why);
    fprintf(stderr, "load: client %u: %s\n", client->number, why);
    client->state = GONE;
    gone++;
    close(client->fd);
}

/* What comes in */

static long take_handshake(struct client *client, const uint8_t *data, size_t size) {
    const uint8_t *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end) return 0;
    if (size < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0)
        fail("client %u: the handshake was refused: %.*s", client->number, (int)(size < 500 ? size : 500), data);
    subscribe(client);
    return end + 4 - data;
}

static void end_probe(uint64_t now) {
    if (!probe_sent_at) return;
    histogram_add(&probe_latency, (now - probe_sent_at) / 1000);
    probe_sent_at = 0;
}

static void take_message(struct client *client, const struct frame *frame, uint64_t now) {
    for (unsigned i = 0; i < options.reply_count; i++) {
        const struct reply *reply = &options.replies[i];
        if (frame->size == strlen(reply->in) && memcmp(frame->payload, reply->in, frame->size) == 0)
            send_frame(client, frame->opcode, reply->out, strlen(reply->out));
    }
    if (is_probe(client) && options.probe && memmem(frame->payload, frame->size, options.probe_marker, strlen(options.probe_marker)))
        end_probe(now);
    if (client->state == SUBSCRIBING && options.ready) {
        const uint8_t *rest = frame->payload, *end = rest + frame->size;
        size_t size = strlen(options.ready);
        while ((rest = memmem(rest, (size_t)(end - rest), options.ready, size))) {
            rest += size;
            if (++client->answers == options.ready_count) {
                become_ready(client);
                break;
            }
        }
    }
}

static void take_frame(struct client *client, const struct frame *frame, uint64_t now) {
    tally.frames++;
    switch (frame->opcode) {
    case TEXT:
    case BINARY:
    case CONTINUATION:
        if (client->state != READY || is_probe(client) || (options.reply_count && frame->size < 64))
            take_message(client, frame, now);
        /* A server that gives events to all who connect gives them to the probe too, which is no subscriber. */
        if (!is_probe(client)) count_events(&tally, &client->stream, frame->payload, frame->size, now);
        break;
    case PING:
        send_frame(client, PONG, frame->payload, frame->size);
        break;
    case PONG:
        if (is_probe(client) && !options.probe) end_probe(now);
        break;
    case CLOSE:
        lose(client, "the server closed it");
        break;
    default:
        fail("client %u: a frame with opcode %u", client->number, frame->opcode);
    }
}

static void keep(struct client *client, const uint8_t *data, size_t size) {
    if (size > client->stash_room) {
        client->stash_room = size * 2;
        client->stash = realloc(client->stash, client->stash_room);
        if (!client->stash) fail("out of memory");
    }
    memcpy(client->stash, data, size);
    client->stashed = size;
}

static void take_bytes(struct client *client, size_t size, uint64_t now) {
    const uint8_t *at = buffer, *end = buffer + size;
    struct frame frame = {0};
    while (at < end && client->state != GONE) {
        long taken = client->state == UPGRADING ? take_handshake(client, at, (size_t)(end - at))
                                                : frame_take(at, (size_t)(end - at), &frame);
        if (taken < 0) {
            lose(client, "a frame that is none");
            return;
        }
        if (taken == 0) break;
        at += taken;
        if (frame.payload) take_frame(client, &frame, now); /* NULL behind the handshake */
        frame.payload = NULL;
    }
    if (at < end && client->state != GONE) keep(client, at, (size_t)(end - at));
}

static void receive(struct client *client) {
    size_t stashed = client->stashed;
    if (stashed) memcpy(buffer, client->stash, stashed);
    ssize_t size = recv(client->fd, buffer + stashed, READ_SIZE, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
        lose(client, size < 0 ? strerror(errno) : "the server ended the connection");
        return;
    }
    tally.bytes += (uint64_t)size;
    client->stashed = 0;
    take_bytes(client, stashed + (size_t)size, now_ns());
}

/* Commands and reports */

static void announce(void) {
    announced = 1;
    printf("{\"connected\": %u, \"seconds\": %.6f}\n", options.count, returned_at ? (double)(now_ns() - returned_at) / 1e9 : 0);
    fflush(stdout);
}

static void start(void) {
    const char *marker = tally.marker;
    memset(&tally, 0, sizeof tally);
    tally.marker = marker;
    tally.marker_size = strlen(marker);
    memset(&probe_latency, 0, sizeof probe_latency);
    for (unsigned i = 0; i < options.count; i++) memset(&clients[i].stream, 0, sizeof clients[i].stream);
    started_at = now_ns();
    next_probe_at = started_at + PROBE_INTERVAL;
    cpu_at_start = cpu_seconds();
    printf("{\"started\": true}\n");
    fflush(stdout);
}

static void cut(void) {
    for (unsigned i = 0; i < client_total; i++) {
        if (clients[i].state != READY) continue;
        close(clients[i].fd); /* a reset, for it is to linger for no time */
        clients[i].state = GONE;
    }
    printf("{\"cut\": %u}\n", client_total - gone);
    fflush(stdout);
}

static void read_groups(const char *path) {
    static char *line;
    size_t room = 0;
    ssize_t size;
    FILE *file = fopen(path, "r");
    if (!file) fail("%s: %s", path, strerror(errno));
    for (group_count = 0; (size = getline(&line, &room, file)) > 0; group_count++) {
        char *kept = malloc((size_t)size);
        if (!kept || group_count == MAX_GROUPS || size > MESSAGE_ROOM) fail("too many lines, or too long ones");
        if (line[size - 1] == '\n') size--;
        for (ssize_t i = 0; i < size; i++) kept[i] = line[i] == NEWLINE_MARK ? '\n' : line[i];
        groups[group_count] = (struct message){kept, (size_t)size};
    }
    fclose(file);
    if (!group_count) fail("%s: no lines", path);
}

static void come_back(char *arguments) {
    char *path = strchr(arguments, ' ');
    if (!path) fail("return needs what makes a client ready, and a file");
    *path++ = 0;
    options.ready = strdup(arguments);
    read_groups(path);
    start();
    begun = ready = gone = 0;
    announced = 0;
    returned_at = now_ns();
    for (unsigned i = 0; i < client_total; i++) clients[i].stashed = clients[i].answers = 0;
    while (begun < client_total && begun < options.window) begin(begun++);
}

static void sums(void) {
    unsigned unlike = 0;
    printf("{\"sums\": [");
    for (unsigned i = 0; i < options.count; i++) {
        const struct stream *stream = &clients[i].stream, *first = &clients[i % group_count].stream;
        if (i < group_count) printf("%s%lu", i ? "," : "", stream->stamp_sum);
        else unlike += stream->stamp_sum != first->stamp_sum || stream->events != first->events;
    }
    printf("], \"unlike\": %u}\n", unlike);
    fflush(stdout);
}

static void print_latency(const char *name, const struct histogram *histogram) {
    printf(", \"%s\": {\"count\": %lu, \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f}", name, histogram->total,
           (double)histogram_percentile(histogram, 0.5) / 1000, (double)histogram_percentile(histogram, 0.9) / 1000,
           (double)histogram_percentile(histogram, 0.99) / 1000, (double)histogram->max / 1000);
}

static void report(uint64_t expected) {
    uint64_t least = UINT64_MAX, most = 0, lost = 0;
    for (unsigned i = 0; i < options.count; i++) {
        uint64_t events = clients[i].stream.events;
        if (events < least) least = events;
        if (events > most) most = events;
        if (events < expected) lost += expected - events;
    }
    printf("{\"connected\": %u, \"gone\": %u, \"events\": %lu, \"least\": %lu, \"most\": %lu, \"lost\": %lu, "
           "\"misordered\": %lu, \"frames\": %lu, \"bytes\": %lu, \"cpu_seconds\": %.6f, \"seconds\": %.6f",
           options.count, gone, tally.events, least, most, lost, tally.misordered, tally.frames, tally.bytes,
           cpu_seconds() - cpu_at_start, (double)(now_ns() - started_at) / 1e9);
    print_latency("latency_ms", &tally.latency);
    print_latency("probe_ms", &probe_latency);
    printf("}\n");
    fflush(stdout);
}

static void obey(void) {
    static char line[4096];
    static size_t size;
    ssize_t got = read(STDIN_FILENO, line + size, sizeof line - 1 - size);
    if (got <= 0) exit(0); /* the connections are reset, for they are to linger for no time */
    size += (size_t)got;
    line[size] = 0;
    for (char *end; (end = strchr(line, '\n'));) {
        *end = 0;
        if (strcmp(line, "start") == 0) start();
        else if (strcmp(line, "cut") == 0) cut();
        else if (strncmp(line, "return ", 7) == 0) come_back(line + 7);
        else if (strcmp(line, "sums") == 0 && group_count) sums();
        else if (strncmp(line, "report ", 7) == 0) report(strtoull(line + 7, NULL, 10));
        else fail("unknown command: %s", line);
        size -= (size_t)(end + 1 - line);
        memmove(line, end + 1, size + 1);
    }
}

static void probe(uint64_t now) {
    struct client *client = &clients[options.count];
    if (now < next_probe_at || probe_sent_at || client->state != READY) return;
    next_probe_at = now + PROBE_INTERVAL;
    probe_sent_at = now;
    if (options.probe) send_frame(client, TEXT, options.probe, strlen(options.probe));
    else send_frame(client, PING, "probe", 5);
}

static void run(void) {
    struct epoll_event events[MAX_EVENTS];
    int probing = options.probing;
    for (;;) {
        int count = epoll_wait(poll_fd, events, MAX_EVENTS, probing && started_at ? 10 : -1);
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (!client) obey();
            else if (client->state == CONNECTING) upgrade(client);
            else if (client->state != GONE) receive(client);
        }
        if (probing && started_at) probe(now_ns());
        if (!announced && ready == client_total) announce();
    }
}

/* The command line */

static const struct option long_options[] = {
    {"port", required_argument, 0, 'p'},     {"count", required_argument, 0, 'n'},
    {"path", required_argument, 0, 'P'},     {"protocol", required_argument, 0, 's'},
    {"header", required_argument, 0, 'H'},   {"first", required_argument, 0, 'f'},
    {"first-hex", required_argument, 0, 'x'}, {"ready", required_argument, 0, 'r'},
    {"ready-count", required_argument, 0, 'R'}, {"reply", required_argument, 0, 'e'},
    {"sources", required_argument, 0, 'S'},  {"modulus", required_argument, 0, 'm'},
    {"probe", required_argument, 0, 'o'},    {"window", required_argument, 0, 'w'},
    {"ping", no_argument, 0, 'i'},           {"groups", required_argument, 0, 'g'},
    {0, 0, 0, 0},
};

static void add_header(const char *line) {
    if (options.header_count == MAX_MESSAGES) fail("too many headers");
    options.headers[options.header_count++] = line;
}

/* Binary messages are given in hexadecimal, for an argument can hold no zero. */
static void decode_hex(char *text) {
    size_t size = strlen(text) / 2;
    for (size_t i = 0; i < size; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], 0};
        text[i] = (char)strtoul(digits, NULL, 16);
    }
}

static void add_first(char *text, int binary) {
    size_t size = strlen(text) / (binary ? 2 : 1);
    if (options.first_count == MAX_MESSAGES) fail("too many first messages");
    if (binary) decode_hex(text);
    options.binary = binary;
    options.first[options.first_count++] = (struct message){text, size};
}

/* Split `in=out` at the first `=` behind its first byte. */
static char *split(char *value) {
    char *place = strchr(value + 1, '=');
    if (!place) fail("%s: expected two parts, joined by =", value);
    *place = 0;
    return place + 1;
}

static void read_options(int argc, char **argv) {
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (option) {
        case 'p': options.port = (unsigned)atoi(optarg); break;
        case 'n': options.count = (unsigned)atoi(optarg); break;
        case 'P': options.path = optarg; break;
        case 's': options.protocol = optarg; break;
        case 'H': add_header(optarg); break;
        case 'f': add_first(optarg, 0); break;
        case 'x': add_first(optarg, 1); break;
        case 'r': options.ready = optarg; break;
        case 'R': options.ready_count = (unsigned)atoi(optarg); break;
        case 'e':
            if (options.reply_count == MAX_MESSAGES) fail("too many replies");
            options.replies[options.reply_count++] = (struct reply){optarg, split(optarg)};
            break;
        case 'S': options.sources = (unsigned)atoi(optarg); break;
        case 'm': options.modulus = (unsigned)atoi(optarg); break;
        case 'o':
            options.probing = 1;
            options.probe_marker = split(optarg);
            options.probe = optarg;
            break;
        case 'i': options.probing = 1; break;
        case 'g': read_groups(optarg); break;
        case 'w': options.window = (unsigned)atoi(optarg); break;
        default: exit(2);
        }
    }
    if (!options.port || !options.sources || !options.count) fail("--port is needed, and no count may be 0");
}

static void raise_file_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < client_total + 16) fail("%u connections need more open files than %lu", client_total, limit.rlim_cur);
}

int main(int argc, char **argv) {
    struct epoll_event commands = {.events = EPOLLIN, .data.ptr = NULL};
    read_options(argc, argv);
    client_total = options.count + (unsigned)options.probing;
    raise_file_limit();
    tally.marker_size = strlen(tally.marker);
    clients = calloc(client_total, sizeof *clients);
    poll_fd = epoll_create1(0);
    if (!clients || poll_fd < 0) fail("out of memory or files");
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &commands);
    while (begun < client_total && begun < options.window) begin(begun++);
    run();
}
