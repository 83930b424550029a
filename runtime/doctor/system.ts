/**
 * What else containers are made of: file systems, filters, network tools, disk, virtual machines.
 *
 * @module
 */

import { LIBSECCOMP } from "../seccomp/compile.ts";
import type { Finding, Host } from "./finding.ts";

/** Kernel and Deno. @param problem what keeps Tiffin from running on them, if anything */
export function examineGround({ kernel, deno, arch }: Host, problem?: string): Finding[] {
  const found = `Linux ${kernel} on ${arch}, Deno ${deno}`;
  return [
    problem
      ? { subject: "ground", state: "bad", found: problem, fix: fixOfGround(problem) }
      : { subject: "ground", state: "good", found },
  ];
}

function fixOfGround(problem: string): string | undefined {
  return problem.startsWith("this is Deno") ? "deno upgrade" : undefined;
}

/** Overlayfs, devpts, and the disk below the data root. */
export function examineFileSystems(host: Host): Finding[] {
  const types = (host.read("/proc/filesystems") ?? "").split("\n")
    .map((line) => line.split("\t").at(-1)!);
  return [examineOverlay(host, types), examineTerminals(host, types), examineDisk(host)];
}

function examineOverlay({ uid, probes, dataRoot }: Host, types: string[]): Finding {
  const subject = "overlayfs";
  const place = uid === 0 ? "" : " in a user namespace";
  if (probes.overlay === undefined && types.includes("overlay")) {
    return { subject, state: "good", found: `layers can be stacked${place}` };
  }
  if (!types.includes("overlay")) {
    return {
      subject,
      state: "bad",
      found: "the kernel does not have it loaded",
      fix: "sudo modprobe overlay && echo overlay | sudo tee /etc/modules-load.d/overlay.conf",
    };
  }
  return {
    subject,
    state: "bad",
    found: `an overlay in ${dataRoot} is refused${place}: ${probes.overlay}`,
    fix: "export TIFFIN_ROOT=/var/tmp/tiffin   # a directory on ext4, xfs or btrfs",
  };
}

function examineTerminals({ exists }: Host, types: string[]): Finding {
  const subject = "terminals";
  if (types.includes("devpts") && exists("/dev/ptmx")) {
    return { subject, state: "good", found: "run -t works" };
  }
  return {
    subject,
    state: "limited",
    found: "no devpts: run -t is refused",
    fix: "sudo mount -t devpts devpts /dev/pts && sudo ln -sf pts/ptmx /dev/ptmx",
  };
}

const GIB = 2 ** 30;

function examineDisk({ free, dataRoot, probes }: Host): Finding {
  const subject = "disk";
  if (probes.isShut) {
    return {
      subject,
      state: "bad",
      found: `this user can write nothing to ${dataRoot}`,
      fix: "export TIFFIN_ROOT=/var/tmp/tiffin   # a directory of your own",
    };
  }
  const bytes = free(dataRoot);
  const found = `${((bytes ?? 0) / GIB).toFixed(1)} GiB free for ${dataRoot}`;
  return bytes === undefined || bytes >= GIB
    ? { subject, state: "good", found }
    : { subject, state: "limited", found, fix: "tiffin image prune -a" };
}

/** Filters of system calls, and what compiles them. */
export function examineSeccomp({ read, hasLibrary }: Host): Finding[] {
  const subject = "seccomp";
  if (read("/proc/sys/kernel/seccomp/actions_avail") === undefined) {
    return [{
      subject,
      state: "bad",
      found: "the kernel has no filters of system calls (CONFIG_SECCOMP_FILTER); without one: " +
        "run --security-opt seccomp=unconfined",
    }];
  }
  if (hasLibrary(LIBSECCOMP)) {
    return [{ subject, state: "good", found: `filters, compiled by ${LIBSECCOMP}` }];
  }
  return [{
    subject,
    state: "bad",
    found: `${LIBSECCOMP} is missing, which compiles the default profile`,
    fix: "sudo apt install libseccomp2",
  }];
}

/** What a container's way out to the network needs. */
export function examineNetwork({ uid, program, exists }: Host): Finding[] {
  const subject = "network";
  if (uid === 0) {
    return [
      program("nft") ? { subject, state: "good", found: "bridges, with rules by nft" } : {
        subject,
        state: "limited",
        found: "nft is missing: containers have loopback only",
        fix: "sudo apt install nftables",
      },
    ];
  }
  const way = ["pasta", "slirp4netns"].find((name) => program(name) !== undefined);
  if (way && exists("/dev/net/tun")) return [{ subject, state: "good", found: `by ${way}` }];
  return [{
    subject,
    state: "limited",
    found: way
      ? `${way} needs /dev/net/tun: containers have loopback only`
      : "neither pasta nor slirp4netns is there: containers have loopback only",
    fix: way ? "sudo modprobe tun" : "sudo apt install passt",
  }];
}

/** Whether lesson 14's virtual machine runs at full speed. */
export function examineVirtualMachines(host: Host): Finding[] {
  const subject = "virtual machines";
  const lack = lackOfMachines(host);
  if (!lack) return [{ subject, state: "good", found: "by KVM, at full speed (lesson 14)" }];
  const found = `${lack.found} lesson 14 emulates, which is slow`;
  return [{ ...lack, subject, state: "limited", found }];
}

function lackOfMachines(
  { exists, writable, arch, probes }: Host,
): Pick<Finding, "found" | "fix"> | undefined {
  if (!exists("/dev/kvm")) {
    return { found: "no /dev/kvm:", fix: "sudo modprobe -a kvm kvm_intel kvm_amd" };
  }
  if (!writable("/dev/kvm")) {
    return {
      found: "this user may not open /dev/kvm:",
      fix: 'sudo usermod -aG kvm "$(id -un)"   # then log in again',
    };
  }
  if (probes.virtualMachine === "EBUSY") {
    return {
      found:
        "/dev/kvm opens, but KVM_CREATE_VM gives EBUSY, as another hypervisor has the processor:",
      fix: "VBoxManage list runningvms   # and end them, or those of VMware",
    };
  }
  if (probes.virtualMachine) {
    return { found: `/dev/kvm opens, but KVM_CREATE_VM gives ${probes.virtualMachine}:` };
  }
  // both have parameters, so they are there when they are built in as well
  if (
    arch === "x86_64" && !["kvm_intel", "kvm_amd"].some((name) => exists(`/sys/module/${name}`))
  ) {
    return {
      found: "/dev/kvm is neither kvm_intel's nor kvm_amd's; where it runs no whole kernel,",
    };
  }
}
