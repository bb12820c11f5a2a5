/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64
#define ACCEPTS_AT_ONCE 64

/* ---- the socket ------------------------------------------------------------------------ */

/* Whether somebody listens on it: -EADDRINUSE; 0: nobody, or it is not there. */
static int check_free(const struct sockaddr_un *address)
{
	struct stat st;
	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int make_directory(const char *path)
{
	struct stat st;
	_cleanup_free_ char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
	if (!dir)
		return -ENOMEM;
	mode_t mask = umask(022);
	int r = mkdir(dir, 0755) < 0 && errno != EEXIST ? -errno : 0;
	umask(mask);
	if (r < 0 || lstat(dir, &st) < 0)
		return r < 0 ? r : -errno;
	return !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) ? -EPERM : 0;
}

int listen_make(const char *path, mode_t mode, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	if (path[0] != '/' || strlen(path) >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, path, strlen(path));
	int r = make_directory(path);
	if (r == 0)
		r = check_free(&address);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mode_t mask = umask(0777); /* nobody connects before it is as it should be */
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && (listen(fd, BACKLOG) < 0 || chmod(path, mode) < 0))
		r = -errno;
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static bool option_is(int fd, int option, int wanted)
{
	int value = -1;
	socklen_t len = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == wanted;
}

bool listen_is(int fd)
{
	return option_is(fd, SO_DOMAIN, AF_UNIX) && option_is(fd, SO_TYPE, SOCK_STREAM) &&
	       option_is(fd, SO_ACCEPTCONN, 1);
}

/* ---- the peers ------------------------------------------------------------------------- */

int listener_open(struct listener *l, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	l->fd = fd;
	l->bytes_max = LISTEN_BYTES_MAX;
	l->clients = calloc(l->limit, sizeof(*l->clients));
	if (!l->clients)
		return -ENOMEM;
	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* What cannot be written at once is not said (rule 2). */
static void say(int fd, const char *text)
{
	ssize_t n = send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)n;
}

static void note_lost(struct listener *l, struct client *c)
{
	if (c->source && l->too_long && c->feed.too_long > c->noted)
		l->too_long(l->ctx, c->source, c->feed.too_long - c->noted);
	c->noted = c->feed.too_long;
}

void listener_note_lost(struct listener *l)
{
	for (size_t i = 0; i < l->n; i++)
		note_lost(l, &l->clients[i]);
}

static void client_close(struct listener *l, struct client *c)
{
	note_lost(l, c);
	shutdown(c->fd, SHUT_RDWR); /* a run under way has it open, too */
	close(c->fd);
	feed_free(&c->feed);
	*c = (struct client){.fd = -1};
}

static void refuse(struct listener *l, struct client *c, uint64_t *count, const char *why)
{
	(*count)++;
	say(c->fd, why);
	client_close(l, c);
}

void listener_close(struct listener *l)
{
	for (size_t i = 0; i < l->n; i++)
		client_close(l, &l->clients[i]);
	free(l->clients);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->clients = NULL;
	l->n = 0;
}

void listener_leave(struct listener *l)
{
	for (size_t i = 0; i < l->n; i++)
		close(l->clients[i].fd);
	close(l->fd);
}

static void close_gaps(struct listener *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		if (l->clients[i].fd >= 0)
			l->clients[n++] = l->clients[i];
	l->n = n;
}

static bool is_allowed(const struct listener *l, uid_t uid)
{
	bool allowed = uid == 0;
	for (size_t i = 0; i < l->n_uids; i++)
		allowed |= l->uids[i] == uid;
	return allowed;
}

static size_t places_of(const struct listener *l, uid_t uid)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		n += l->clients[i].uid == uid;
	return n;
}

/* Whether A goes before B: of the user who has most places the one that has been silent longest. */
static bool gives_way(const struct listener *l, const struct client *a, const struct client *b)
{
	size_t of_a = places_of(l, a->uid), of_b = places_of(l, b->uid);
	return of_a != of_b ? of_a > of_b : a->heard < b->heard;
}

/* Rule 4. */
static bool make_room(struct listener *l, uid_t uid, int64_t now_ms)
{
	struct client *oldest = l->clients, *most = l->clients;
	if (l->n < l->limit)
		return true;
	for (struct client *c = l->clients; c < l->clients + l->n; c++) {
		if (c->heard < oldest->heard)
			oldest = c;
		if (gives_way(l, c, most))
			most = c;
	}
	if (l->n && now_ms - oldest->heard >= LISTEN_IDLE_MS)
		refuse(l, oldest, &l->too_slow, "refused: silent for too long\n");
	else if (l->n && places_of(l, most->uid) > places_of(l, uid) + 1)
		refuse(l, most, &l->refused_full, "refused: another user wants one of your many places\n");
	else
		return false;
	close_gaps(l);
	return true;
}

static void welcome(struct listener *l, int fd, int64_t now_ms)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);
	struct client c = {.fd = fd, .heard = now_ms};
	feed_init(&c.feed, LISTEN_NAME_MAX);
	bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0;
	c.uid = peer.uid;
	if (!known || !is_allowed(l, peer.uid)) {
		refuse(l, &c, &l->refused_uid, "refused: this user may not send\n");
	} else if (!make_room(l, peer.uid, now_ms)) {
		refuse(l, &c, &l->refused_full, "refused: too many connections\n");
	} else {
		l->accepted++;
		l->clients[l->n++] = c;
	}
}

static void accept_some(struct listener *l, int64_t now_ms)
{
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			/* They wait, and so do we: the socket stays readable. */
			l->pause_until = errno == EAGAIN || errno == ECONNABORTED ? 0 : now_ms + LISTEN_PAUSE_MS;
			return;
		}
		welcome(l, fd, now_ms);
	}
}

/* The first line. */
static bool name_source(struct listener *l, struct client *c, struct slice line)
{
	char name[LISTEN_NAME_MAX + 1] = "";
	line = trim(line);
	if (line.len > LISTEN_NAME_MAX)
		return false;
	memcpy(name, line.p, line.len);
	const struct source *source = strlen(name) == line.len ? l->find(name) : NULL;
	if (!source || !source->lines)
		return false;
	c->source = source;
	c->feed.max = source->size_max;
	return true;
}

struct place {
	struct listener *listener;
	struct client *client;
};

static void hear_line(void *ctx, struct slice line)
{
	struct place *p = ctx;
	if (p->client->source) {
		p->client->taken++;
		p->listener->take(p->listener->ctx, p->client->source, line);
	} else if (!p->client->unwelcome) {
		p->client->unwelcome = !name_source(p->listener, p->client, line);
	}
}

static void lines_going(void *ctx)
{
	struct place *p = ctx;
	if (p->listener->going)
		p->listener->going(p->listener->ctx);
}

static void farewell(struct listener *l, struct client *c)
{
	char text[96];
	if (c->feed.too_long)
		snprintf(text, sizeof(text), "taken %llu, too long %llu\n", (unsigned long long)c->taken,
		         (unsigned long long)c->feed.too_long);
	else
		snprintf(text, sizeof(text), "taken %llu\n", (unsigned long long)c->taken);
	say(c->fd, text);
	client_close(l, c);
}

/* Rule 3. */
static void bound_memory(struct listener *l)
{
	size_t bytes = 0;
	struct client *most = NULL;
	for (struct client *c = l->clients; c < l->clients + l->n; c++) {
		bytes += c->feed.cap;
		if (!most || c->feed.cap > most->feed.cap)
			most = c;
	}
	if (most && bytes > l->bytes_max)
		refuse(l, most, &l->refused_full, "refused: too much at once\n");
}

static void hear(struct listener *l, struct client *c, int64_t now_ms)
{
	struct place place = {l, c};
	const struct feed_taker taker = {hear_line, lines_going, &place};
	ssize_t n = feed_turn(&c->feed, c->fd, &taker);
	if (n == -EAGAIN)
		return;
	if (c->source)
		c->heard = now_ms;
	if (n <= 0)
		feed_end(&c->feed, &taker);
	if (c->unwelcome || (!c->source && c->feed.too_long))
		refuse(l, c, &l->refused_source, "refused: the first line names no source whose messages are lines\n");
	else if (n <= 0)
		farewell(l, c);
	else
		bound_memory(l);
}

size_t listener_polled(const struct listener *l, struct pollfd *ret)
{
	ret[0] = (struct pollfd){.fd = l->pause_until ? -1 : l->fd, .events = POLLIN};
	for (size_t i = 0; i < l->n; i++)
		ret[1 + i] = (struct pollfd){.fd = l->clients[i].fd, .events = POLLIN};
	return 1 + l->n;
}

int64_t listener_due(const struct listener *l)
{
	int64_t due = l->pause_until ? l->pause_until : INT64_MAX;
	for (size_t i = 0; i < l->n; i++)
		if (!l->clients[i].source && l->clients[i].heard + LISTEN_GREETING_MS < due)
			due = l->clients[i].heard + LISTEN_GREETING_MS;
	return due;
}

void listener_turn(struct listener *l, const struct pollfd *polled, size_t n, int64_t now_ms)
{
	for (size_t i = 1; i < n && i <= l->n; i++) {
		struct client *c = &l->clients[i - 1];
		if (c->fd >= 0 && polled[i].revents)
			hear(l, c, now_ms);
		if (c->fd >= 0 && !c->source && now_ms - c->heard >= LISTEN_GREETING_MS)
			refuse(l, c, &l->too_slow, "refused: no source was named in time\n");
	}
	close_gaps(l);
	if (now_ms >= l->pause_until)
		l->pause_until = 0;
	if (n && polled[0].revents)
		accept_some(l, now_ms);
}
