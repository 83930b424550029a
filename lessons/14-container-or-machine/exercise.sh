# $1 is a kernel, $2 a directory with a program, /program. Run it in a container, and in a machine.
#
#   - pack the directory: (cd "$2" && find . | busybox cpio -o -H newc) > initrd
#   - start qemu-system-x86_64 with -kernel and -initrd; what the machine says comes by
#     -serial stdio, if the kernel is told so: -append "console=ttyS0 panic=-1 rdinit=/program"

tiffin run --rootfs "$2" /program
