# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by ./demo and ./check: the Debian packages that each part needs, and how to get them.

PACKAGES_BUILD="autoconf automake make gcc pkg-config libc6-dev libevent-dev libjansson-dev libsqlite3-dev
 libsodium-dev libssl-dev libseccomp-dev libsystemd-dev libyaml-dev libcurl4-openssl-dev libsmartcols-dev libfreeipmi-dev libipmiconsole-dev libssh-dev ca-certificates"
PACKAGES_LAB="qemu-system-x86 ipxe-qemu seabios openvswitch-switch tgt openipmi ipmitool freeipmi-tools
 open-iscsi dnsmasq-base busybox-static dropbear-bin linux-image-amd64 syslinux syslinux-common mtools fdisk e2fsprogs cpio
 ethtool iproute2 procps socat lz4 kmod python3 curl util-linux tshark"
PACKAGES_CHECK="libcmocka-dev mandoc clang libclang-rt-dev python3-hypothesis python3-yaml python3-jsonschema python3-cryptography python3-requests python3-six python3-oslo.log python3-oslo.serialization clang-format
 tcpdump iptables libiscsi-bin git bash-completion strace xz-utils systemd systemd-container openssl openssh-server sslscan slowhttptest prometheus libasan8 libubsan1"

# packages_need LIST…: install what is missing of these; says so first.  Fails with advice when it may not.
packages_need() {
	local missing
	missing=$(for p in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
	done)
	[ -z "$missing" ] && return 0
	missing=$(echo $missing)
	if [ "$(id -u)" != 0 ]; then
		echo "these Debian packages are missing; install them as root and try again:" >&2
		echo "  apt-get install $missing" >&2
		return 1
	fi
	echo "installing: $missing"
	# Services that packages would start are not wanted here: the lab starts its own.
	local policy=/usr/sbin/policy-rc.d made=
	[ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' > $policy; chmod 755 $policy; made=1; }
	apt-get update -q >/dev/null 2>&1
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/var/tmp/recast-apt.log 2>&1
	local rc=$?
	[ -n "$made" ] && rm -f $policy
	if [ $rc != 0 ]; then
		tail -5 /var/tmp/recast-apt.log >&2
		echo "apt-get failed; the whole log is in /var/tmp/recast-apt.log" >&2
	fi
	return $rc
}
