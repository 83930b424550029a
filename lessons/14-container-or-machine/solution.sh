tiffin run --rootfs "$2" /program

# What the kernel unpacks into its memory at its start is its first root; no disk is needed.
(cd "$2" && find . | busybox cpio -o -H newc) >initrd

# -nodefaults: nothing but what is named here, so that there is little to look for at the start.
# rdinit names the first process; when it ends the kernel panics, starts anew, and QEMU ends.
qemu-system-x86_64 -machine q35 -accel tcg,thread=single -cpu max,-la57,-erms,-fsrm -m 256 \
  -nodefaults -no-user-config -no-reboot -display none -serial stdio \
  -kernel "$1" -initrd initrd \
  -append "console=ttyS0 quiet panic=-1 rdinit=/program mitigations=off norandmaps"
