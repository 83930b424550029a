/**
 * What the image `local` has, where this machine has it.
 *
 * @module
 */

/** Programs by name, package by package. */
export const LOCAL_PROGRAMS: readonly string[] = [
  "sh dash bash",
  // GNU coreutils, or what stands in for them
  "[ arch b2sum base32 base64 basename cat chgrp chmod chown chroot cksum comm cp csplit cut date",
  "dd df dir dirname du echo env expand expr factor false fmt fold groups head hostid id install",
  "join link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste",
  "pathchk pr printenv printf ptx pwd readlink realpath rm rmdir seq sha1sum sha224sum sha256sum",
  "sha384sum sha512sum shred shuf sleep sort split stat stty sum sync tac tail tee test timeout",
  "touch tr true truncate tsort tty uname unexpand uniq unlink users vdir wc who whoami yes",
  // text and files
  "awk mawk gawk cmp diff egrep fgrep file find grep gunzip gzip less more sed tar vi which xargs zcat",
  // processes: procps, psmisc
  "free kill pgrep pidof pkill pmap ps pstree sysctl top uptime vmstat w watch",
  // what containers are made of: util-linux, libcap, attr, strace
  "capsh chrt dmesg fallocate findmnt flock getcap getfattr getpcaps hexdump ionice ipcmk ipcrm ipcs",
  "logger lscpu lsns mount mountpoint nsenter prlimit renice script setcap setfattr setpriv setsid",
  "strace taskset umount unshare",
  // network
  "getent hostname ip nc ping ss",
  // terminal
  "clear infocmp reset tput tset",
].join(" ").split(" ");

/** Terminals that terminfo(5) shall know. */
export const TERMINALS: readonly string[] = [
  "ansi",
  "dumb",
  "linux",
  "screen",
  "screen-256color",
  "tmux",
  "tmux-256color",
  "vt100",
  "xterm",
  "xterm-256color",
];
