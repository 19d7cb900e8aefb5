/* client posix NAME | client sysv KEY: receives two messages from the queue, and sends each back in capitals (behind a priority or type). */
#include <ctype.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>

struct message {
  long type;
  char text[8192];
};

static void shout(char *text, long length) {
  for (long at = 0; at < length; at++) text[at] = (char)toupper(text[at]);
}

static int posix(const char *in, const char *out) {
  char text[8192];
  mqd_t from = mq_open(in, O_RDONLY), to = mq_open(out, O_WRONLY);
  if (from == (mqd_t)-1 || to == (mqd_t)-1) return perror("mq_open"), 1;
  for (int n = 0; n < 2; n++) {
    unsigned priority;
    long length = mq_receive(from, text, sizeof text, &priority);
    if (length < 0) return perror("mq_receive"), 1;
    shout(text, length);
    if (mq_send(to, text, (size_t)length, priority) != 0) return perror("mq_send"), 1;
  }
  return 0;
}

static int sysv(const char *in, const char *out) {
  struct message message;
  int from = msgget(atoi(in), 0), to = msgget(atoi(out), 0);
  if (from < 0 || to < 0) return perror("msgget"), 1;
  for (int n = 0; n < 2; n++) {
    long length = msgrcv(from, &message, sizeof message.text, 0, 0);
    if (length < 0) return perror("msgrcv"), 1;
    shout(message.text, length);
    message.type += 10;
    if (msgsnd(to, &message, (size_t)length, 0) != 0) return perror("msgsnd"), 1;
  }
  return 0;
}

int main(int count, char **words) {
  if (count != 4) return 2;
  return strcmp(words[1], "posix") == 0 ? posix(words[2], words[3]) : sysv(words[2], words[3]);
}
