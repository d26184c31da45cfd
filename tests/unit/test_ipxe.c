/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * orchestrator/boot/ipxe: scripts in which no value can become a command.
 */
#include "unit.h"

#include "ipxe.h"

static const struct boot_plan good = {
	.persona = "web", .machine = "node1", .generation = 4, .base_url = "http://10.66.10.1:8080",
	.storage_mac = "52:54:00:00:01:02", .address = "10.66.20.10", .netmask = "255.255.255.0",
	.gateway = "10.66.20.1", .initiator = "iqn.2026-01.example:web", .user = "web.g4", .secret = "s3cretS3cret",
	.portal = "10.66.20.1", .port = 3260, .target = "iqn.2026-01.example.recast:san1:web", .lun = 1,
};

TEST(boots_the_lun_of_the_plan)
{
	char *s = ipxe_boot_script(&good, 1);

	assert_int_equal(strncmp(s, "#!ipxe\n", 7), 0);
	assert_contains(s, "set initiator-iqn iqn.2026-01.example:web\n");
	assert_contains(s, "set username web.g4\nset password s3cretS3cret\n");
	assert_contains(s, "sanboot iscsi:10.66.20.1::3260:1:iqn.2026-01.example.recast:san1:web ||");
	assert_contains(s, "iseq ${net0/mac} 52:54:00:00:01:02 ");
	assert_contains(s, "/ip 10.66.20.10\n");
	assert_contains(s, "/gateway 10.66.20.1\n");
	assert_contains(s, "generation 4\n");
	free(s);
}

TEST(writes_the_lun_in_hexadecimal)
{
	static const struct {
		int lun;
		const char *part;
	} rows[] = { { 0, "::3260:0:iqn" }, { 9, "::3260:9:iqn" }, { 10, "::3260:a:iqn" }, { 16, "::3260:10:iqn" },
		     { 255, "::3260:ff:iqn" } };
	struct boot_plan p = good;
	size_t i;
	char *s;

	for (i = 0; i < COUNT(rows); i++) {
		p.lun = rows[i].lun;
		s = ipxe_boot_script(&p, 1);
		assert_contains(s, rows[i].part);
		free(s);
	}
}

TEST(needs_no_gateway)
{
	struct boot_plan p = good;
	char *s;

	p.gateway = NULL;
	s = ipxe_boot_script(&p, 1);
	assert_contains(s, "sanboot");
	assert_lacks(s, "gateway");
	free(s);
}

TEST(tells_that_it_has_run_only_when_its_nic_is_open)
{
	struct boot_plan p[2] = { good, good };
	char *s, *opened, *told;
	int n;

	p[1].storage_mac = "52:54:00:00:01:03";
	for (n = 1; n <= 2; n++) {
		s = ipxe_boot_script(p, n);
		opened = n == 1 ? strstr(s, "ifopen ${recast_nic} || goto failed\n") : strstr(s, "isset ${recast_open} || goto give_up\n");
		told = strstr(s, "stage=script");
		assert_true(opened && told && opened < told);
		assert_null(strstr(told, "ifopen"));
		free(s);
	}
}

TEST(tries_the_next_portal_when_one_is_silent)
{
	struct boot_plan p[2] = { good, good };
	char *s, *first, *second;

	p[1].storage_mac = "52:54:00:00:01:03";
	p[1].address = "10.66.21.10";
	p[1].portal = "10.66.21.1";
	s = ipxe_boot_script(p, 2);
	/* A NIC that is missing or does not open leaves the other. */
	first = strstr(s, "iseq ${net0/mac} 52:54:00:00:01:02 ");
	assert_contains(first, "isset ${recast_nic} || goto nic2\nset ${recast_nic}/ip 10.66.20.10\n");
	assert_contains(first, "ifopen ${recast_nic} || goto nic2\nset recast_open 1\n:nic2\n");
	second = strstr(s, "iseq ${net0/mac} 52:54:00:00:01:03 ");
	assert_contains(second, "isset ${recast_nic} || goto nic3\nset ${recast_nic}/ip 10.66.21.10\n");
	assert_true(first < second);
	first = strstr(s, "sanboot iscsi:10.66.20.1::3260:1:iqn.2026-01.example.recast:san1:web || echo ");
	second = strstr(s, "sanboot iscsi:10.66.21.1::3260:1:iqn.2026-01.example.recast:san1:web || goto failed\n:failed\n");
	assert_true(first && second && first < second);
	free(s);
	p[1].portal = "x\nshell";
	s = ipxe_boot_script(p, 2);
	assert_lacks(s, "sanboot");
	free(s);
}

/* Each member in turn gets each hostile value: no script may boot, and none may carry it. */
TEST(refuses_every_hostile_value_in_every_place)
{
	static const char *const hostile[] = {
		"x\nshell", "x\rshell", "x y", "${net0/mac}", "x;y", "x&&shell", "x||shell", "x#y", "x\"y", "x'y", "x\\",
		"x`y`", "x=y", "x?y", "x*", "\x1b[0m", "\xc3\xa4", "x\ty", "",
	};
	static const size_t members[] = {
		offsetof(struct boot_plan, persona),   offsetof(struct boot_plan, machine),
		offsetof(struct boot_plan, base_url),  offsetof(struct boot_plan, storage_mac),
		offsetof(struct boot_plan, address),   offsetof(struct boot_plan, netmask),
		offsetof(struct boot_plan, gateway),   offsetof(struct boot_plan, initiator),
		offsetof(struct boot_plan, user),      offsetof(struct boot_plan, secret),
		offsetof(struct boot_plan, portal),    offsetof(struct boot_plan, target),
	};
	size_t i, k;
	char *s;

	for (i = 0; i < COUNT(members); i++)
		for (k = 0; k < COUNT(hostile); k++) {
			struct boot_plan p = good;

			*(const char **)((char *)&p + members[i]) = hostile[k];
			s = ipxe_boot_script(&p, 1);
			assert_lacks(s, "sanboot");
			assert_lacks(s, "s3cretS3cret");
			assert_lacks(s, "shell");
			assert_contains(s, "exit 1\n");
			free(s);
		}
}

TEST(refuses_what_is_missing)
{
	struct boot_plan p = good;
	char *s;

	p.target = NULL;
	s = ipxe_boot_script(&p, 1);
	assert_lacks(s, "sanboot");
	free(s);
}

TEST(tells_a_refusal_with_unsafe_characters_replaced)
{
	char *s = ipxe_refusal("no role (yet), ask\nshell ${x} && a||b");

	assert_string_equal(s, "#!ipxe\necho Recast: no role (yet), ask?shell ??x? ?? a??b\nsleep 10\nexit 1\n");
	free(s);
}

TEST(knows_what_is_safe)
{
	assert_true(ipxe_is_safe("http://10.1.0.1:8080/a-b_c.d"));
	assert_false(ipxe_is_safe(""));
	assert_false(ipxe_is_safe("a b"));
}

UNIT_MAIN(T(boots_the_lun_of_the_plan), T(writes_the_lun_in_hexadecimal), T(needs_no_gateway), T(tells_that_it_has_run_only_when_its_nic_is_open),
	  T(tries_the_next_portal_when_one_is_silent),
	  T(refuses_every_hostile_value_in_every_place), T(refuses_what_is_missing),
	  T(tells_a_refusal_with_unsafe_characters_replaced), T(knows_what_is_safe))
