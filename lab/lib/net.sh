# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Network namespaces, legs (veth pairs into the switch) and the servers' taps.
# Both ends of each veth are made inside the lab's namespaces, so nothing ever
# shows in the host's own, and removing the namespaces removes every link.

# leg name, namespace, VLAN, addresses.  The switch's end of leg X is p-X.
net_legs() {
	cat <<-END
	ctl0 $NS 10 10.66.10.1/24 fd66::1/64
	sto0 $NS 20 10.66.20.254/24
	web0 $NS 110 10.66.110.1/24
	db0 $NS 120 10.66.120.1/24
	array $NS_ARRAY 20 10.66.20.1/24
	web $NS_WEB 110 10.66.110.250/24 10.66.120.250/24
	db $NS_DB 120 10.66.110.251/24 10.66.120.251/24
	END
}

net_namespaces() { echo "$NS_ARRAY $NS_WEB $NS_DB $NS"; }

net_exists() { [ -e "/run/netns/$NS" ]; }

net_create() {
	local ns leg vlan addresses address n nic
	for ns in $(net_namespaces); do
		ip netns add "$ns" || die "cannot make the network namespace $ns"
		ip netns exec "$ns" sysctl -q -w net.ipv6.conf.all.accept_dad=0 \
			net.ipv6.conf.default.accept_dad=0 net.ipv4.ip_forward=0 \
			net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 ||
			die "cannot set sysctls in $ns"
	done
	{
		echo "link set lo up"
		while read -r leg ns vlan addresses; do
			echo "link add p-$leg type veth peer name $leg netns $ns"
			echo "link set p-$leg up"
		done < <(net_legs)
		for n in "${NODES[@]}"; do
			for nic in eth0 eth1; do
				echo "tuntap add node$n-$nic mode tap"
				echo "link set node$n-$nic up"
			done
		done
	} >"$LAB_DIR/run/links"
	net_batch "$NS" "$LAB_DIR/run/links"
	while read -r leg ns vlan addresses; do
		{
			echo "link set lo up"
			echo "link set $leg up"
			for address in $addresses; do
				case $address in
				*:*) echo "addr add $address dev $leg nodad" ;;
				*) echo "addr add $address dev $leg" ;;
				esac
			done
		} >"$LAB_DIR/run/links"
		net_batch "$ns" "$LAB_DIR/run/links"
		# The userspace switch does not complete checksums: without this, ping
		# works and TCP hangs.
		ip netns exec "$ns" ethtool -K "$leg" tx off >/dev/null ||
			die "cannot turn off checksum offload of $leg in $ns"
	done < <(net_legs)
	rm -f "$LAB_DIR/run/links"
}

net_batch() {
	ip -n "$1" -batch "$2" || die "cannot make the links of $1; see the ip messages above"
}

# End what still lives in the lab's namespaces (a controller started by 'lab
# exec', say), but not this command nor its ancestors, then remove them.
net_destroy() {
	local ns pid started mine
	mine=" $(proc_ancestors $$) "
	for ns in $(net_namespaces); do
		[ -e "/run/netns/$ns" ] || continue
		for pid in $(ip netns pids "$ns" 2>/dev/null); do
			case $mine in *" $pid "*) continue ;; esac
			started=$(proc_starttime "$pid") || continue
			kill -KILL "$pid" 2>/dev/null
			wait_for 5 "the end of process $pid in $ns" proc_gone "$pid" "$started"
		done
		ip netns del "$ns" || say "cannot remove the network namespace $ns"
	done
}

proc_ancestors() {
	local pid=$1 fields
	while [ "$pid" -gt 1 ]; do
		echo -n "$pid "
		read -ra fields < <(proc_stat "$pid") || return 0
		pid=${fields[1]}
	done
}
