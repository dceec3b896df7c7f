/* A battery of TestU01 (L'Ecuyer and Simard, 2007) over 32-bit words from standard input: battery small|crush [NAME] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <testu01/bbattery.h>
#include <testu01/swrite.h>
#include <testu01/unif01.h>

static unsigned long long taken;

static unsigned int next(void) {
    static unsigned int words[1 << 14];
    static size_t at, length;
    if (at == length) {
        length = fread(words, sizeof *words, 1 << 14, stdin);
        at = 0;
        if (length == 0) {
            fputs("WRONG: the words ended before the battery\n", stderr);
            exit(2);
        }
    }
    taken++;
    return words[at++];
}

int main(int count, char **arguments) {
    int crush = count > 1 && strcmp(arguments[1], "crush") == 0;
    unif01_Gen *generator = unif01_CreateExternGenBits(count > 2 ? arguments[2] : "words", next);
    swrite_Basic = FALSE;
    if (crush)
        bbattery_Crush(generator);
    else
        bbattery_SmallCrush(generator);
    int outside = 0, failed = 0;
    double smallest = 1.0, largest = 0.0;
    for (int test = 0; test < bbattery_NTests; test++) {
        double p = bbattery_pVal[test];
        outside += p < 0.001 || p > 0.999;
        failed += p < 1e-6 || p > 1.0 - 1e-6;
        smallest = p < smallest ? p : smallest;
        largest = p > largest ? p : largest;
    }
    printf("RESULT %s: %d statistics, %d outside [0.001, 0.999], p-values from %.4g to 1 - %.4g, %.4g words\n",
           count > 2 ? arguments[2] : "words", bbattery_NTests, outside, smallest, 1.0 - largest, (double)taken);
    unif01_DeleteExternGenBits(generator);
    return failed != 0;
}
