EXTRA_DIST += lab/bmcsim/README.md lab/bmcsim/bmcsim lab/bmcsim/commands.py lab/bmcsim/machine.py \
	lab/bmcsim/rmcpp.py lab/bmcsim/selftest lab/bmcsim/sol.py
