/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lib/arena: everything of one request in one place.
 */
#include "unit.h"

#include "arena.h"

TEST(gives_zeroed_memory_aligned_for_any_type)
{
	struct arena a;
	unsigned char *p;
	size_t size, i;

	arena_init(&a);
	for (size = 1; size < 300; size++) {
		p = arena_alloc(&a, size);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
		arena_strdup(&a, "x"); /* puts the next one out of line */
	}
	arena_fini(&a);
}

TEST(keeps_what_it_gave_while_it_grows)
{
	enum { N = 4000 };
	static char *texts[N];
	struct arena a;
	char wanted[24];
	int i;

	arena_init(&a);
	for (i = 0; i < N; i++)
		texts[i] = arena_printf(&a, "text number %d", i);
	for (i = 0; i < N; i++) {
		snprintf(wanted, sizeof(wanted), "text number %d", i);
		assert_string_equal(texts[i], wanted);
	}
	assert_true(a.total >= N * 14 && a.total < N * 14 * 4);
	arena_fini(&a);
	assert_null(a.head);
	assert_int_equal(a.total, 0);
	arena_fini(&a);
}

TEST(takes_an_allocation_of_any_size)
{
	struct arena a;
	char *big, *small;

	arena_init(&a);
	small = arena_strdup(&a, "before");
	big = arena_alloc(&a, 3 * 1024 * 1024);
	big[3 * 1024 * 1024 - 1] = 'x';
	assert_string_equal(small, "before");
	assert_string_equal(arena_strdup(&a, "after"), "after");
	assert_non_null(arena_alloc(&a, 0));
	arena_fini(&a);
}

TEST(copies_no_text_as_no_text)
{
	struct arena a;
	const char *text = "abc";
	char *copy;

	arena_init(&a);
	assert_null(arena_strdup(&a, NULL));
	copy = arena_strdup(&a, text);
	assert_ptr_not_equal(copy, text);
	assert_string_equal(copy, text);
	arena_fini(&a);
}

TEST(formats_heap_text)
{
	char *s = xasprintf("%s:%d", "leaf1", 7), *copy = xstrdup(s);

	assert_string_equal(s, "leaf1:7");
	assert_string_equal(copy, "leaf1:7");
	free(s);
	free(copy);
}

UNIT_MAIN(T(gives_zeroed_memory_aligned_for_any_type), T(keeps_what_it_gave_while_it_grows),
	  T(takes_an_allocation_of_any_size), T(copies_no_text_as_no_text), T(formats_heap_text))
