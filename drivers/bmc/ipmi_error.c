/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * libfreeipmi's error numbers and the completion codes of IPMI as errors of the protocol.  The
 * rules: a wrong password is `auth` and never tried again; silence is `unreachable` and says nothing
 * about the power; a BMC without room is `busy`.  No text names address, user or password.
 */
#include "ipmi.h"

#include <freeipmi/freeipmi.h>

static int silent(const char *name, struct error *err)
{
	error_set(err, ERROR_UNREACHABLE, "%s: the BMC did not answer in time", name);
	return error_hint(err, "Check the cable and address of the BMC; its power state is not known.");
}

static int busy(const char *name, const char *why, struct error *err)
{
	error_set(err, ERROR_BUSY, "%s: %s", name, why);
	if (err)
		err->retry_after_ms = 2000;
	return error_hint(err, "Others may hold its sessions; they end by themselves after a minute.");
}

static int no_privilege(const char *name, struct error *err)
{
	error_set(err, ERROR_AUTH, "%s: the BMC does not give this user the privilege that is asked for", name);
	return error_hint(err, "Raise the user's privilege in the BMC, or set `privilege: operator` in the site file.");
}

int ipmi_library_error(const char *name, int errnum, struct error *err)
{
	switch (errnum) {
	case IPMI_ERR_USERNAME_INVALID:
	case IPMI_ERR_PASSWORD_INVALID:
	case IPMI_ERR_K_G_INVALID:
		error_set(err, ERROR_AUTH, "%s: the BMC refused the user name or password", name);
		return error_hint(err, "Correct it with `persona secret set` before the BMC locks the user out.");
	case IPMI_ERR_PRIVILEGE_LEVEL_INSUFFICIENT:
	case IPMI_ERR_PRIVILEGE_LEVEL_CANNOT_BE_OBTAINED:
		return no_privilege(name, err);
	case IPMI_ERR_CIPHER_SUITE_ID_UNAVAILABLE:
	case IPMI_ERR_AUTHENTICATION_TYPE_UNAVAILABLE:
		error_set(err, ERROR_UNSUPPORTED, "%s: the BMC speaks none of the cipher suites in `ciphers`", name);
		return error_hint(err, "Enable cipher suite 17 or 3 for LAN in the BMC.");
	case IPMI_ERR_IPMI_2_0_UNAVAILABLE:
		error_set(err, ERROR_UNSUPPORTED, "%s: the BMC offers no IPMI 2.0 on this address", name);
		return error_hint(err, "Enable IPMI 2.0 over LAN in the BMC; IPMI 1.5 is not safe to use.");
	case IPMI_ERR_CONNECTION_TIMEOUT:
	case IPMI_ERR_SESSION_TIMEOUT:
	case IPMI_ERR_DRIVER_TIMEOUT:
	case IPMI_ERR_MESSAGE_TIMEOUT:
	case IPMI_ERR_PASSWORD_VERIFICATION_TIMEOUT:
		return silent(name, err);
	case IPMI_ERR_BMC_BUSY:
	case IPMI_ERR_DRIVER_BUSY:
		return busy(name, "the BMC has no session or memory to spare", err);
	case IPMI_ERR_HOSTNAME_INVALID:
		error_set(err, ERROR_UNREACHABLE, "%s: the address of the BMC cannot be resolved", name);
		return error_hint(err, "Correct `address` in the site file, or the name service.");
	case IPMI_ERR_SYSTEM_ERROR:
		return error_set(err, ERROR_UNREACHABLE, "%s: there is no way to the BMC's network", name);
	case IPMI_ERR_BAD_RMCPPLUS_STATUS_CODE:
		return error_set(err, ERROR_REFUSED, "%s: the BMC refused to open a session", name);
	default:
		return error_set(err, ERROR_PROTOCOL, "%s: the BMC broke the protocol (%s)", name,
				 ipmi_ctx_strerror(errnum));
	}
}

int ipmi_code_error(const char *name, uint8_t netfn, uint8_t cmd, uint8_t code, struct error *err)
{
	char words[128] = "";

	switch (code) {
	case 0xc0: /* node busy */
	case 0xc3: /* time-out of a command inside the BMC */
	case 0xc4: /* out of space */
	case 0xce: /* cannot answer now */
	case 0xd2: /* initialisation in progress */
		return busy(name, "the BMC is busy", err);
	case 0xd4:
		return no_privilege(name, err);
	case 0xc1:
	case 0xc2:
		return error_set(err, ERROR_UNSUPPORTED, "%s: the BMC does not know the command %02x/%02x", name, netfn,
				 cmd);
	}
	if (ipmi_completion_code_strerror_r(cmd, netfn, code, words, sizeof(words)))
		words[0] = 0;
	error_set(err, ERROR_REFUSED, "%s: the BMC refused the command %02x/%02x: %s (code %02x)", name, netfn, cmd,
		  words[0] ? words : "no reason", code);
	return error_hint(err, "Look at the BMC's own event log and web page.");
}

bool ipmi_error_is_silence(const struct error *err)
{
	return err->code == ERROR_UNREACHABLE || err->code == ERROR_PROTOCOL;
}
