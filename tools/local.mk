EXTRA_DIST += tools/embed-sql.sh
