# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Disk images.  The Linux image takes some seconds to build, so it is kept in a
# cache under a name that holds a hash of all it is made of: the kernel, the
# packages and the recipe itself.

image_kernel() {
	local kernel
	kernel=$(ls -v /boot/vmlinuz-*-amd64 2>/dev/null | tail -n 1)
	[ -n "$kernel" ] && [ -d "/lib/modules/${kernel#/boot/vmlinuz-}" ] ||
		die "no kernel with modules in /boot; install one with: apt-get install linux-image-amd64"
	echo "${kernel#/boot/vmlinuz-}"
}

image_need_tools() {
	local tool package
	while read -r tool package; do
		need "$tool" "$package"
	done <<-'END'
	syslinux syslinux
	mformat mtools
	sfdisk fdisk
	mke2fs e2fsprogs
	cpio cpio
	lz4 lz4
	depmod kmod
	iscsistart open-iscsi
	END
	[ -e /usr/lib/syslinux/mbr/mbr.bin ] ||
		die "mbr.bin is missing; install it with: apt-get install syslinux-common"
	[ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1 ||
		die "a static busybox is missing; install it with: apt-get install busybox-static"
}

image_key() {
	local kernel=$1
	{
		stat -c '%n %s %Y' "/boot/vmlinuz-$kernel" /bin/busybox "$(command -v iscsistart)"
		cat "$LAB_HOME"/image/*
	} | sha256sum | cut -c1-16
}

# Print the path of the cached Linux image, building it if need be.
image_linux() {
	local kernel path temp
	kernel=$(image_kernel) || exit 1
	mkdir -p "$LAB_CACHE" || die "cannot make the cache directory $LAB_CACHE"
	path=$LAB_CACHE/linux-$(image_key "$kernel").img
	(
		flock -w 300 8 || die "another lab is building the Linux image for five minutes; see $LAB_CACHE"
		if [ -e "$path" ]; then
			touch "$path"
			exit 0
		fi
		image_need_tools
		say "building the Linux image for kernel $kernel (once)"
		temp=$(mktemp -d "$LAB_CACHE/build.XXXXXX")
		trap 'rm -rf "$temp"' EXIT
		trap 'exit 130' INT TERM HUP
		"$LAB_HOME/image/linux" "$kernel" "$temp" || die "the Linux image could not be built; see above"
		# Images of other kernels or recipes may be in use: drop only old ones.
		find "$LAB_CACHE" -maxdepth 1 -name 'linux-*.img' -mtime +7 -delete
		mv "$temp/disk.img" "$path"
	) 8>>"$LAB_CACHE/lock" 9>&- || exit 1
	echo "$path"
}

image_copy() { cp --sparse=always --reflink=auto "$1" "$2"; }

image_prepare() { LINUX_IMAGE=$(image_linux) || exit 1; }

image_fill_pool() {
	local name
	image_copy "$LINUX_IMAGE" "$LAB_DIR/pool/golden-linux.img" || return 1
	for name in web db; do
		"$LAB_HOME/image/fast.py" "$name" "$LAB_DIR/pool/golden-fast-$name.img" || return 1
	done
}

lab_mkimage() {
	[ $# -eq 3 ] || usage_error "mkimage needs KIND NAME FILE"
	local kind=$1 name=$2 file=$3
	case $kind in
	fast) "$LAB_HOME/image/fast.py" "$name" "$file" ;;
	# The Linux image takes its persona's name from the iSCSI firmware table, so
	# one image serves every name.
	linux) image_prepare && image_copy "$LINUX_IMAGE" "$file" ;;
	*) usage_error "'$kind' is not a kind of image; use fast or linux" ;;
	esac
}
