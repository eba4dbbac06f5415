/* A discount rule: what an order costs after the shop's rebates, for orders on the command line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_LINES = 100,
    MOST_PIECES = 10000,
    MOST_CENTS = 1000000,
    MANY_PIECES = 10,       /* from here on 5 % off the line */
    LARGE_ORDER = 100 * 100 /* cents; from here on another 2 % off the whole */
};

struct line {
    long quantity;
    long cents;
};

/* A number from 1 to most that ends where the text or `end` ends; -1 for anything else. */
static long number(const char *text, char end, long most) {
    char *after;
    if (*text < '0' || *text > '9') return -1;
    errno = 0;
    long value = strtol(text, &after, 10);
    return errno || *after != end || value < 1 || value > most ? -1 : value;
}

static int read_line(const char *text, struct line *line) {
    const char *equals = strchr(text, '=');
    const char *at = equals ? strchr(equals, '@') : NULL;
    if (!at || equals == text) return -1;
    line->quantity = number(equals + 1, '@', MOST_PIECES);
    line->cents = number(at + 1, '\0', MOST_CENTS);
    return line->quantity < 0 || line->cents < 0 ? -1 : 0;
}

int main(int count, char **words) {
    long long total = 0, discount = 0;
    if (count < 2 || count > MOST_LINES + 1) {
        fprintf(stderr, "discount: give 1 to %d lines, each SKU=QUANTITY@CENTS\n", MOST_LINES);
        return 2;
    }
    for (int i = 1; i < count; i++) {
        struct line line;
        if (read_line(words[i], &line)) {
            fprintf(stderr, "discount: %s is no line of an order: SKU=QUANTITY@CENTS\n", words[i]);
            return 2;
        }
        long long price = (long long)line.quantity * line.cents;
        total += price;
        if (line.quantity >= MANY_PIECES) discount += price * 5 / 100;
    }
    if (total >= LARGE_ORDER) discount += (total - discount) * 2 / 100;
    printf("{\"totalCents\":%lld,\"discountCents\":%lld,\"toPayCents\":%lld}\n", total, discount,
           total - discount);
    return 0;
}
