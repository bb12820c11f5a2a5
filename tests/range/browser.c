/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * browser FILE PREFIX
 *
 * Opens a local page in headless Chromium, through the DevTools protocol on a pipe, and
 * prints as one JSON object what it saw:
 *
 *     requests   the addresses that were asked for
 *     console    what the browser complained about, or a script said
 *     dialogs    texts of alert() and the like
 *     elements   how many there are of each kind of element
 *     desk, phone, dark, print
 *                at 1280 and 390 pixels, by night, and as on paper: "overflow", the elements
 *                that stick out to the right, and "hidden", folded blocks that are not to be
 *                seen
 *
 * PREFIX-desk.png, -phone.png, -dark.png and -print.png are pictures of the whole page, PREFIX.pdf
 * is its print, PREFIX.txt the text that a reader sees. Needs chromium in PATH; all of it is ended
 * after 40 seconds.
 */
#include <fcntl.h>
#include <jansson.h>
#include <nettle/base64.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE 120

static struct {
	pid_t child;
	int to, from;
	char session[64];
	int last_id;
	char *bytes; /* read, and not yet taken as messages */
	size_t len, cap;
	bool loaded;
	json_t *requests, *console, *dialogs;
} browser;

static void fail(const char *what)
{
	fprintf(stderr, "browser: %s\n", what);
	if (browser.child > 0)
		kill(-browser.child, SIGKILL);
	exit(1);
}

static void on_alarm(int number)
{
	static const char why[] = "browser: it took too long\n";
	ssize_t ignored = write(STDERR_FILENO, why, sizeof(why) - 1);
	(void)number, (void)ignored;
	if (browser.child > 0)
		kill(-browser.child, SIGKILL);
	_exit(1);
}

/* Descriptors 3 and 4 are where Chromium reads and writes. */
static void start(const char *profile)
{
	int to[2], from[2];
	char directory[4300];
	if (pipe(to) < 0 || pipe(from) < 0)
		fail("no pipes");
	snprintf(directory, sizeof(directory), "--user-data-dir=%s", profile);
	browser.child = fork();
	if (browser.child == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int in = fcntl(to[0], F_DUPFD, 10), out = fcntl(from[1], F_DUPFD, 10), null = open("/dev/null", O_RDWR);
		dup2(in, 3);
		dup2(out, 4);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		close_range(5, ~0U, 0);
		execlp("chromium", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		       "--disable-background-networking", "--disable-component-update", "--disable-sync",
		       "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe", directory, (char *)NULL);
		_exit(127);
	}
	if (browser.child < 0)
		fail("cannot fork");
	setpgid(browser.child, browser.child);
	close(to[0]);
	close(from[1]);
	browser.to = to[1];
	browser.from = from[0];
}

static void send_message(json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	size_t len = strlen(text) + 1;
	for (size_t at = 0; at < len;) {
		ssize_t n = write(browser.to, text + at, len - at);
		if (n <= 0)
			fail("it does not listen");
		at += (size_t)n;
	}
	free(text);
	json_decref(message);
}

static json_t *receive(void)
{
	char *end;
	while (!browser.len || !(end = memchr(browser.bytes, '\0', browser.len))) {
		if (browser.cap - browser.len < 65536) {
			browser.cap = browser.cap * 2 + 131072;
			browser.bytes = realloc(browser.bytes, browser.cap);
		}
		ssize_t n = read(browser.from, browser.bytes + browser.len, browser.cap - browser.len);
		if (n <= 0)
			fail("it ended: is chromium installed?");
		browser.len += (size_t)n;
	}
	size_t used = (size_t)(end - browser.bytes) + 1;
	json_t *message = json_loads(browser.bytes, 0, NULL);
	memmove(browser.bytes, browser.bytes + used, browser.len - used);
	browser.len -= used;
	if (!message)
		fail("no JSON came back");
	return message;
}

static const char *text_at(const json_t *value, const char *a, const char *b)
{
	const char *text = json_string_value(json_object_get(json_object_get(value, a), b));
	return text ? text : "";
}

/* It holds the page until it is answered. */
static void close_dialog(const json_t *params)
{
	json_array_append(browser.dialogs, json_object_get(params, "message"));
	send_message(json_pack("{si ss ss s{sb}}", "id", ++browser.last_id, "sessionId", browser.session, "method",
	                       "Page.handleJavaScriptDialog", "params", "accept", 1));
}

static void notice(const json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));
	const json_t *params = json_object_get(message, "params");
	if (!method)
		return;
	if (strcmp(method, "Page.loadEventFired") == 0)
		browser.loaded = true;
	else if (strcmp(method, "Network.requestWillBeSent") == 0)
		json_array_append_new(browser.requests, json_string(text_at(params, "request", "url")));
	else if (strcmp(method, "Log.entryAdded") == 0)
		json_array_append_new(browser.console, json_string(text_at(params, "entry", "text")));
	else if (strcmp(method, "Runtime.exceptionThrown") == 0)
		json_array_append_new(browser.console, json_string(text_at(params, "exceptionDetails", "text")));
	else if (strcmp(method, "Runtime.consoleAPICalled") == 0)
		json_array_append(browser.console, json_object_get(params, "args"));
	else if (strcmp(method, "Page.javascriptDialogOpening") == 0)
		close_dialog(params);
}

/* Calls a method and gives its result; PARAMS' reference is stolen. */
static json_t *call(const char *method, json_t *params)
{
	int id = ++browser.last_id;
	json_t *message = json_pack("{si ss so}", "id", id, "method", method, "params", params ? params : json_object());
	if (browser.session[0])
		json_object_set_new(message, "sessionId", json_string(browser.session));
	send_message(message);
	for (;;) {
		json_t *answer = receive();
		if (json_integer_value(json_object_get(answer, "id")) != id) {
			notice(answer);
			json_decref(answer);
			continue;
		}
		json_t *result = json_incref(json_object_get(answer, "result"));
		if (!result)
			fail(method);
		json_decref(answer);
		return result;
	}
}

static void tell(const char *method, json_t *params)
{
	json_decref(call(method, params));
}

/* What an expression comes to; the page itself has no script. */
static json_t *ask(const char *expression)
{
	json_t *result = call("Runtime.evaluate", json_pack("{ss sb}", "expression", expression, "returnByValue", 1));
	json_t *value = json_incref(json_object_get(json_object_get(result, "result"), "value"));
	json_decref(result);
	if (!value)
		fail("an expression has no value");
	return value;
}

static void save(const char *prefix, const char *suffix, const void *bytes, size_t len)
{
	char path[4200];
	snprintf(path, sizeof(path), "%s%s", prefix, suffix);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
		fail(path);
}

static void save_data(const char *prefix, const char *suffix, json_t *result)
{
	const char *data = json_string_value(json_object_get(result, "data"));
	size_t len = data ? strlen(data) : 0;
	uint8_t *bytes = malloc(BASE64_DECODE_LENGTH(len) + 1);
	struct base64_decode_ctx ctx;
	base64_decode_init(&ctx);
	if (!len || !base64_decode_update(&ctx, &len, bytes, len, data) || !base64_decode_final(&ctx))
		fail("no picture came back");
	save(prefix, suffix, bytes, len);
	free(bytes);
	json_decref(result);
}

static void set_look(int width, const char *media, const char *scheme)
{
	tell("Emulation.setDeviceMetricsOverride",
	     json_pack("{si si si sb}", "width", width, "height", 900, "deviceScaleFactor", 1, "mobile", 0));
	tell("Emulation.setEmulatedMedia",
	     json_pack("{ss s[{ss ss}]}", "media", media, "features", "name", "prefers-color-scheme", "value", scheme));
}

static json_t *look(int width, const char *media, const char *scheme)
{
	set_look(width, media, scheme);
	return ask("({width: innerWidth, scroll: document.documentElement.scrollWidth,"
	           " background: getComputedStyle(document.body).backgroundColor,"
	           " hidden: [...document.querySelectorAll('details pre')].filter(e => !e.checkVisibility()).length,"
	           " overflow: [...document.querySelectorAll('body *')].filter("
	           "  e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 80))})");
}

static void take_picture(const char *prefix, const char *suffix)
{
	json_t *size = ask("[innerWidth, document.documentElement.scrollHeight]");
	json_t *clip = json_pack("{si si sO sO si}", "x", 0, "y", 0, "width", json_array_get(size, 0), "height",
	                         json_array_get(size, 1), "scale", 1);
	save_data(prefix, suffix, call("Page.captureScreenshot", json_pack("{sb so}", "captureBeyondViewport", 1, "clip", clip)));
	json_decref(size);
}

static void attach(void)
{
	json_t *target = call("Target.createTarget", json_pack("{ss}", "url", "about:blank"));
	json_t *session = call("Target.attachToTarget", json_pack("{sO sb}", "targetId", json_object_get(target, "targetId"),
	                                                          "flatten", 1));
	snprintf(browser.session, sizeof(browser.session), "%s", json_string_value(json_object_get(session, "sessionId")));
	json_decref(target);
	json_decref(session);
	static const char *const parts[] = {"Page.enable", "Network.enable", "Log.enable", "Runtime.enable"};
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		tell(parts[i], NULL);
}

static void load(const char *file)
{
	char url[4200];
	snprintf(url, sizeof(url), "file://%s", file);
	tell("Page.navigate", json_pack("{ss}", "url", url));
	while (!browser.loaded) {
		json_t *message = receive();
		notice(message);
		json_decref(message);
	}
}

static json_t *view(const char *prefix)
{
	json_t *desk = look(1280, "screen", "light");
	take_picture(prefix, "-desk.png");
	json_t *dark = look(1280, "screen", "dark");
	take_picture(prefix, "-dark.png");
	json_t *phone = look(390, "screen", "light");
	take_picture(prefix, "-phone.png");
	json_t *print = look(720, "print", "light");
	take_picture(prefix, "-print.png");
	save_data(prefix, ".pdf", call("Page.printToPDF", json_pack("{sb}", "preferCSSPageSize", 1)));
	json_t *text = ask("document.body.innerText");
	save(prefix, ".txt", json_string_value(text), json_string_length(text));
	json_decref(text);
	json_t *elements = ask("[...document.querySelectorAll('*')].reduce((n, e) => (n[e.localName] = (n[e.localName] || 0) + 1, n), {})");
	return json_pack("{so so so so so so so so}", "desk", desk, "dark", dark, "phone", phone, "print", print, "elements", elements,
	                 "requests", browser.requests, "console", browser.console, "dialogs", browser.dialogs);
}

int main(int argc, char **argv)
{
	char profile[4200];
	if (argc != 3)
		return 2;
	snprintf(profile, sizeof(profile), "%s-profile", argv[2]);
	signal(SIGALRM, on_alarm);
	signal(SIGPIPE, SIG_IGN);
	alarm(DEADLINE);
	browser.requests = json_array();
	browser.console = json_array();
	browser.dialogs = json_array();
	start(profile);
	attach();
	load(argv[1]);
	json_t *seen = view(argv[2]);
	json_dumpf(seen, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	kill(-browser.child, SIGKILL);
	waitpid(browser.child, NULL, 0);
	return 0;
}
