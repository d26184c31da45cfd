# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# DHCP on the provision network.  The servers' ROM is iPXE already, so DHCP
# hands it the URL of its script.  This iPXE waits for an IPv6 router
# advertisement; sending one saves 16 seconds a boot.

# The controller listens here; lab tests may put anything else in its place.
BOOT_URL=http://10.66.10.1:8080

provision_start() {
	mkdir -p "$LAB_DIR/dnsmasq"
	cat >"$LAB_DIR/dnsmasq/conf" <<-END
	port=0
	interface=ctl0
	bind-interfaces
	except-interface=lo
	user=root
	group=root
	no-ping
	dhcp-authoritative
	dhcp-range=10.66.10.100,10.66.10.199,255.255.255.0,10m
	dhcp-option=option:router,10.66.10.1
	dhcp-match=set:ipxe,175
	dhcp-boot=tag:ipxe,"$BOOT_URL/boot/ipxe?mac=\${net0/mac}&uuid=\${uuid}",,10.66.10.1
	dhcp-option=tag:ipxe,encap:175,176,1b
	enable-ra
	dhcp-range=::,constructor:ctl0,ra-only
	ra-param=ctl0,30,0
	dhcp-leasefile=$LAB_DIR/dnsmasq/leases
	log-facility=$LAB_DIR/dnsmasq/log
	log-dhcp
	END
	part_spawn dnsmasq "$NS" dnsmasq --keep-in-foreground --conf-file="$LAB_DIR/dnsmasq/conf"
}

# UDP port 67 is 0043.
provision_serves() {
	local pid
	pid=$(part_pid dnsmasq) || die "dnsmasq ended; its words are in $LAB_DIR/run/dnsmasq.log and $LAB_DIR/dnsmasq/log"
	grep -q ':0043 ' "/proc/$pid/net/udp"
}

provision_wait() { wait_for 10 "the start of dnsmasq" provision_serves; }
