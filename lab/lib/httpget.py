#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# httpget.py URL: print the body of URL, exit 0; exit 1 if it cannot be had
# within two seconds.  `lab probe` runs it in a client's namespace.

import sys
import urllib.error
import urllib.request


def main():
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(sys.argv[1], timeout=2) as answer:
            sys.stdout.write(answer.read(65536).decode("utf-8", "replace"))
    except (OSError, urllib.error.URLError) as error:
        sys.exit(f"lab: no answer from {sys.argv[1]}: {error}")


if __name__ == "__main__":
    main()
