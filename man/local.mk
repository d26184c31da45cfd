## man: one page a line, so that a page that is missing is an error.  recast-driver(7) is listed with the drivers.
dist_man_MANS += \
	man/persona.1 \
	man/recast-api.7 \
	man/recast-site.5 \
	man/recast.conf.5 \
	man/recastd.8
