/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the doctor says of a device's key and of the weaknesses that its driver found (member "security" of the documents
 * in schema/device/).  The driver tells facts; the words, and how bad it is, are here.  Called by doctor.c.
 */
#include "doctor.h"
#include "trust.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOON_DAYS = 30 };

static const int64_t day_ms = 24 * 3600 * 1000;

/* A member of the security document that is true, and what it means. */
static const struct weakness {
	const char *member, *check, *state, *text, *hint;
} weaknesses[] = {
	{ "cipher_zero", "cipher-zero", "fail", "cipher suite 0 is enabled: whoever knows a user name gets in without its password",
	  "Disable suite 0 for LAN in the BMC (ipmitool lan set 1 cipher_privs X…, or its web page)." },
	{ "anonymous_user", "anonymous-user", "fail", "a user without a name may log in",
	  "Disable the user with the empty name: ipmitool user disable ID" },
	{ "default_password", "default-credentials", "fail", "the user and password that Recast uses are those of the vendor",
	  "Set another password in the device, then `persona secret set NAME`." },
	{ "no_authentication", "no-authentication", "fail", "sessions without any authentication are allowed (IPMI 1.5, type none)",
	  "Allow only MD5 or none of IPMI 1.5 in the BMC: ipmitool lan set 1 auth ADMIN MD5" },
	{ "old_protocol", "ipmi-1.5", "warn", "IPMI 1.5 with passwords is enabled, which encrypts nothing",
	  "Leave only IPMI 2.0 enabled where the BMC can do so: ipmitool lan set 1 auth ADMIN ''" },
};

enum { WEAKNESSES = sizeof(weaknesses) / sizeof(weaknesses[0]) };

static int note_weaknesses(struct examination *x, const struct device *d, const json_t *security)
{
	int i, found = 0;

	for (i = 0; i < WEAKNESSES; i++) {
		const struct weakness *w = &weaknesses[i];

		if (!json_bool(security, w->member, false))
			continue;
		doctor_note(x, &(struct finding){ "devices", w->check, d->name, w->state, w->text, w->hint });
		found++;
	}
	return found;
}

/* Users whose password is the one that they left the factory with. */
static int note_defaults(struct examination *x, const struct device *d, const json_t *security)
{
	const json_t *users = json_object_get(security, "default_users"), *user;
	size_t i;
	char text[160];

	json_array_foreach(users, i, user) {
		snprintf(text, sizeof(text), "user \"%s\" still has the password that the vendor gave it", json_string_value(user));
		doctor_note(x, &(struct finding){ "devices", "default-credentials", d->name, "fail", text,
						  "Change its password in the device, or disable the user." });
	}
	return (int)json_array_size(users);
}

static int note_transport(struct examination *x, const struct device *d, const json_t *security)
{
	if (strcmp(json_str(security, "transport", ""), "clear") != 0)
		return 0;
	doctor_note(x, &(struct finding){ "devices", "transport", d->name, "warn",
					  "it is talked to in clear, and whoever answers at its address is believed",
					  "Use its encrypted address where it has one, such as ssl: of Open vSwitch." });
	return 1;
}

static int note_certificate(struct examination *x, struct core *c, const struct device *d, const json_t *security)
{
	int64_t end = json_int(json_object_get(security, "key"), "not_after", 0), left = end - env_wall(c->env);
	struct finding f = { "devices", "certificate", d->name, "warn", NULL,
			     "Renew it under the same key, and the pin stays good; with a new key, pin that one." };
	char text[96];

	if (!end || left > SOON_DAYS * day_ms)
		return 0;
	if (left <= 0)
		f.state = "fail";
	snprintf(text, sizeof(text), left <= 0 ? "its certificate expired %lld days ago" : "its certificate expires in %lld days",
		 (long long)((left <= 0 ? -left : left) / day_ms));
	f.text = text;
	doctor_note(x, &f);
	return 1;
}

/* A pin for a transport without keys, such as IPMI's, guards nothing: better said than believed. */
static int note_idle_pin(struct examination *x, struct core *c, const struct device *d, const json_t *security)
{
	char pin[FINGERPRINT_TEXT];

	if (json_object_get(security, "key") || !trust_pin(c, d, pin))
		return 0;
	doctor_note(x, &(struct finding){ "devices", "trust", d->name, "warn", "a key is pinned, but it is talked to without one",
					  "Remove the pin, or use an address with TLS or SSH where there is one." });
	return 1;
}

void doctor_security(struct examination *x, struct core *c, const struct device *d, const json_t *security)
{
	int found = note_weaknesses(x, d, security) + note_defaults(x, d, security) + note_transport(x, d, security) +
		    note_certificate(x, c, d, security) + note_idle_pin(x, c, d, security);

	if (!found)
		doctor_note(x, &(struct finding){ "devices", "security", d->name, "ok", "nothing weak was found", "" });
}

void doctor_trust(struct examination *x, struct core *c, const struct device *d)
{
	json_auto_t *trust = trust_json(c, d);
	const char *pinned = json_str(json_object_get(trust, "pinned"), "fingerprint", "");
	const char *shown = json_str(json_object_get(trust, "presented"), "fingerprint", "");
	struct finding f = { "devices", "trust", d->name, "fail", NULL, NULL };
	char text[256], hint[192];

	switch (trust_state(c, d)) {
	case TRUST_NONE:
		return;
	case TRUST_PINNED:
		snprintf(text, sizeof(text), "its key is pinned: %s", pinned);
		f.state = "ok";
		hint[0] = '\0';
		break;
	case TRUST_UNPINNED:
		snprintf(text, sizeof(text), "no key is pinned; it shows %s", shown);
		snprintf(hint, sizeof(hint), "Compare it at the device, then: persona device trust %s", d->name);
		break;
	case TRUST_MISMATCH:
		snprintf(text, sizeof(text), "it shows %s, but %s is pinned: nothing is sent to it", shown, pinned);
		snprintf(hint, sizeof(hint),
			 "Somebody may stand in between.  When its key was changed on purpose: persona device trust %s", d->name);
		break;
	}
	f.text = text;
	f.hint = hint;
	doctor_note(x, &f);
}
