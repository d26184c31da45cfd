#include "unit.h"
TEST(nothing_yet) { assert_true(1); }
UNIT_MAIN(T(nothing_yet))
