# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# The lab as Recast sees it: DIR/site.yaml (what is racked and cabled) and
# persona files, one pair that boots full Linux and one pair that boots the
# small boot sector image.

site_write() {
	site_yaml >"$LAB_DIR/site.yaml"
	local name
	for name in web db; do
		persona_yaml "$name" "$name-root" golden-linux 'within: 3m, report: up' \
			>"$LAB_DIR/personas/$name.yaml"
		persona_yaml "$name" "fast-$name-root" "golden-fast-$name" \
			"within: 60s, serial: \"PERSONA $name UP\"" >"$LAB_DIR/personas-fast/$name.yaml"
	done
}

site_yaml() {
	cat <<-END
	# What is racked and cabled in the lab '$LAB_NAME'.
	site: $LAB_NAME
	networks:
	  provision: {vlan: 10, subnet: 10.66.10.0/24}
	  storage:   {vlan: 20, subnet: 10.66.20.0/24, pool: 10.66.20.10-10.66.20.99}
	  web:       {vlan: 110, subnet: 10.66.110.0/24, pool: 10.66.110.10-10.66.110.99}
	  db:        {vlan: 120, subnet: 10.66.120.0/24, pool: 10.66.120.10-10.66.120.99}
	  parking:   {vlan: $PARKING_VLAN}
	switches:
	  leaf1: {driver: ovsdb, address: "tcp:127.0.0.1:16640", bridge: br0}
	arrays:
	  san1: {driver: tgt, socket: $LAB_DIR/tgtd/sock, pool: $LAB_DIR/pool, portals: ["10.66.20.1:3260"]}
	boot: {network: provision, parking: parking, url: "$BOOT_URL"}
	machines:
	END
	local n
	for n in "${NODES[@]}"; do site_machine "$n"; done
	cat <<-END
	groups:
	  blades: {machines: [node1, node2, node3, node4, node5]}
	identities:
	  mac: {prod: "02:ca:57:00:00:00-02:ca:57:00:ff:ff"}
	  iqn: {prod: "iqn.2026-01.example:{persona}"}
	END
}

site_machine() {
	local n=$1
	cat <<-END
	  node$n:
	    arch: x86_64
	    cores: 1
	    memory: 384MiB
	    uuid: $(machine_uuid "$n")
	    bmc: {driver: ipmi, address: 127.0.1.$n, user: admin, secret: node$n-bmc}
	    nics:
	      eth0: {mac: "52:54:00:00:0$n:01", port: leaf1/node$n-eth0}
	      eth1: {mac: "52:54:00:00:0$n:02", port: leaf1/node$n-eth1}
	END
}

persona_yaml() {
	local name=$1 volume=$2 source=$3 proof=$4
	cat <<-END
	persona: $name
	vnics:
	  eth0: {network: $name, mac: auto, address: auto}
	  eth1: {network: storage, address: auto}
	volumes:
	  root: {array: san1, volume: $volume, source: $source, lun: 1, boot: true}
	boot: {method: ipxe-iscsi, network: provision}
	proof: {$proof}
	END
}
