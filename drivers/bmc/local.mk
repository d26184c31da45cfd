## drivers/bmc: servers' management controllers.
recastlibexec_PROGRAMS += recast-driver-ipmi
recast_driver_ipmi_LDFLAGS = $(DRIVER_LINKING)
recast_driver_ipmi_CPPFLAGS = $(DRIVER_CPPFLAGS) $(FREEIPMI_CFLAGS) $(IPMICONSOLE_CFLAGS) $(SSL_CFLAGS)
recast_driver_ipmi_LDADD = $(DRIVER_LIBS) $(IPMICONSOLE_LIBS) $(FREEIPMI_LIBS) $(SSL_LIBS) -lm
recast_driver_ipmi_SOURCES = drivers/bmc/ipmi.c drivers/bmc/ipmi.h drivers/bmc/ipmi_config.c \
	drivers/bmc/ipmi_session.c drivers/bmc/ipmi_lane.c drivers/bmc/ipmi_error.c drivers/bmc/ipmi_power.c \
	drivers/bmc/ipmi_boot.c drivers/bmc/ipmi_info.c drivers/bmc/ipmi_sdr.c drivers/bmc/ipmi_sol.c drivers/bmc/ipmi_password.c drivers/bmc/ipmi_security.c \
	drivers/bmc/ipmi_defaults.def drivers/bmc/ipmi_rakp.c drivers/bmc/ipmi_rakp.h
