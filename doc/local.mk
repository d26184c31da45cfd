## doc: a page for each mechanism, and what a newcomer reads first.
EXTRA_DIST += README.md ARCHITECTURE.md HACKING.md NEWS.md SECURITY.md LICENSE \
	doc/boot.md doc/drift.md doc/driver-protocol.md doc/group-commit.md doc/plan.md doc/reliability.md \
	doc/examples/recast-driver-lamp
