/* A small C service: one line in, one line out.
 *
 *   balance N   ok N BALANCE
 *   fail        logs an event of several lines, and says so
 *   close       stops listening: alive, but of no use
 *
 * Its only argument is its ini file: port, balance, log. It stays in the foreground and leaves with 0 when asked to.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 64, LINE = 256 };

struct settings {
  int port;
  long balance;
  char log[LINE];
};

static volatile sig_atomic_t stopping;

static void stop(int number) {
  (void)number;
  stopping = 1;
}

static void logged(const char *file, const char *level, const char *text) {
  char when[32];
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct tm *local = localtime(&now.tv_sec);
  strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", local);
  FILE *targets[] = {stdout, fopen(file, "a")};
  for (int i = 0; i < 2; i++) {
    if (targets[i] == NULL) continue;
    fprintf(targets[i], "[%s.%03ld] %s account - %s\n", when, now.tv_nsec / 1000000, level, text);
    fflush(targets[i]);
  }
  if (targets[1] != NULL) fclose(targets[1]);
}

static int read_settings(const char *path, struct settings *found) {
  char line[LINE], key[LINE], value[LINE];
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, " %255[a-z] = %255s", key, value) != 2) continue;
    if (strcmp(key, "port") == 0) found->port = atoi(value);
    if (strcmp(key, "balance") == 0) found->balance = atol(value);
    if (strcmp(key, "log") == 0) snprintf(found->log, sizeof found->log, "%s", value);
  }
  fclose(file);
  return found->port > 0 && found->log[0] != 0 ? 0 : -1;
}

static int listen_at(int port) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = INADDR_ANY};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&place, sizeof place) || listen(listener, CLIENTS)) return -1;
  return listener;
}

/* Answers one line; returns whether the service goes on listening. */
static int answer(int client, const char *line, const struct settings *settings) {
  char text[LINE] = "error unknown\n";
  int number, listening = 1;
  if (sscanf(line, "balance %d", &number) == 1) {
    snprintf(text, sizeof text, "ok %d %ld\n", number, settings->balance - number);
  } else if (strncmp(line, "fail", 4) == 0) {
    logged(settings->log, "ERROR", "asked to fail\n  at answer (account.c)\n  at main (account.c)");
    snprintf(text, sizeof text, "ok failed\n");
  } else if (strncmp(line, "close", 5) == 0) {
    logged(settings->log, "WARN", "asked to stop listening");
    snprintf(text, sizeof text, "ok closed\n");
    listening = 0;
  }
  if (write(client, text, strlen(text)) < 0) logged(settings->log, "WARN", strerror(errno));
  return listening;
}

static void serve(struct settings *settings, int listener) {
  struct pollfd open[CLIENTS + 1] = {{.fd = listener, .events = POLLIN}};
  int count = 1;
  while (!stopping) {
    if (poll(open, count, -1) < 0) continue;
    for (int i = count - 1; i > 0; i--) {
      if (!open[i].revents) continue;
      char line[LINE];
      ssize_t length = read(open[i].fd, line, sizeof line - 1);
      if (length > 0) {
        line[length] = 0;
        if (!answer(open[i].fd, line, settings)) {
          close(open[0].fd);
          open[0].fd = -1; /* poll skips it */
        }
      } else {
        close(open[i].fd);
        open[i] = open[--count];
      }
    }
    if (open[0].revents & POLLIN) {
      int client = accept(open[0].fd, NULL, NULL);
      if (client < 0) continue;
      if (count > CLIENTS) close(client);
      else open[count++] = (struct pollfd){.fd = client, .events = POLLIN};
    }
  }
}

int main(int count, char **arguments) {
  struct settings settings = {.balance = 0};
  if (count != 2 || read_settings(arguments[1], &settings) != 0) {
    fprintf(stderr, "account: no port and log in %s\n", count > 1 ? arguments[1] : "its file: none is named");
    return 2;
  }
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  int listener = listen_at(settings.port);
  if (listener < 0) {
    perror("account: cannot listen");
    return 3;
  }
  char text[LINE];
  snprintf(text, sizeof text, "account listens on %d with %s", settings.port, arguments[1]);
  logged(settings.log, "INFO", text);
  serve(&settings, listener);
  logged(settings.log, "INFO", "account stopped");
  return 0;
}
