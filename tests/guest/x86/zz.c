#include "suite.h"
#define S(n) __attribute__((weak)) void n(void){}
S(test_pages) S(test_pae) S(test_debug) S(test_double) S(test_smc) S(test_a20) S(test_tasks) S(test_v86) S(test_real) S(test_irq) S(test_long)
