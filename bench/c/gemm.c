/* The median milliseconds of cblas_dgemm and cblas_sgemm at n = 1024 in a given library, called from C. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef void (*dgemm_t)(int, int, int, int, int, int, double, const double *, int, const double *, int, double, double *, int);
typedef void (*sgemm_t)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);

enum { N = 1024, REPETITIONS = 15, ROW_MAJOR = 101, NO_TRANSPOSE = 111 };

static double milliseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e3 * t.tv_sec + 1e-6 * t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void *matrix(size_t entry_size, int is_double) {
  void *data = malloc(entry_size * N * N);
  for (int i = 0; i < N * N; i++) {
    double value = rand() / (double)RAND_MAX - 0.5;
    if (is_double) ((double *)data)[i] = value;
    else ((float *)data)[i] = (float)value;
  }
  return data;
}

int main(int argc, char **argv) {
  void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (!library) return 1;
  dgemm_t dgemm = (dgemm_t)dlsym(library, "cblas_dgemm");
  sgemm_t sgemm = (sgemm_t)dlsym(library, "cblas_sgemm");
  if (!dgemm || !sgemm) return 1;
  for (int is_double = 1; is_double >= 0; is_double--) {
    size_t size = is_double ? sizeof(double) : sizeof(float);
    void *a = matrix(size, is_double), *b = matrix(size, is_double), *c = matrix(size, is_double);
    double times[REPETITIONS];
    for (int i = -2; i < REPETITIONS; i++) {
      double start = milliseconds();
      if (is_double) dgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, N, N, N, 1, a, N, b, N, 0, c, N);
      else sgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, N, N, N, 1, a, N, b, N, 0, c, N);
      if (i >= 0) times[i] = milliseconds() - start;
    }
    qsort(times, REPETITIONS, sizeof(double), ascending);
    printf("%.6f\n", times[REPETITIONS / 2]);
  }
  return 0;
}
