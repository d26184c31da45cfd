# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Commands that look at the lab from inside: probe, exec, console.

# Clients of web and db have addresses in both subnets, so whether they reach
# an address is a matter of the VLAN of its port alone.
probe_namespace() {
	case $1 in
	web) echo "$NS_WEB" ;;
	db) echo "$NS_DB" ;;
	provision|storage) echo "$NS" ;;
	*) return 1 ;;
	esac
}

lab_probe() {
	local net=${1:-} address=${2:-} port=${3:-} ns
	[ $# -ge 2 ] && [ $# -le 3 ] || usage_error "probe needs NET ADDR [PORT]"
	ns=$(probe_namespace "$net") || usage_error "'$net' has no client; use web, db, provision or storage"
	need_up
	if [ -z "$port" ]; then
		ip netns exec "$ns" busybox ping -q -c 1 -W 1 "$address" >/dev/null 2>&1
	else
		ip netns exec "$ns" /usr/bin/python3 "$LAB_HOME/lib/httpget.py" "http://$address:$port/"
	fi || return 1
}

lab_exec() {
	[ $# -gt 0 ] || usage_error "exec needs a command"
	need_up
	eval "$(lab_env)"
	exec ip netns exec "$NS" "$@"
}

lab_console() {
	local n
	[ $# -eq 1 ] || usage_error "console needs a node"
	n=$(node_arg "$1") || exit 2
	need_up
	exec ip netns exec "$NS" "$LAB_HOME/lib/console.py" "127.0.1.$n" admin \
		"$LAB_DIR/secrets/node$n-bmc" "$LAB_DIR/node$n/console.log"
}
