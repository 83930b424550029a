/**
 * What a start needs of seccomp: the filter, from the cache if it is there, and seccomp(2)'s flags.
 *
 * Compiling the default profile takes 25 ms, more than the rest of a start, and gives the same
 * bytes every time. So the bytes are kept in the data root. A hit reads one file and neither loads
 * libseccomp nor the rules.
 *
 * A cached file is the filter and, after it, the key: text that says in full what the filter was
 * made from. It is compared in full, for the file's name is only a short hash, and a profile made
 * to collide with another's shall gain nothing by it. It stands at the end, where it is missing
 * from a file that was cut short.
 *
 * @module
 */

import { later } from "../later.ts";
import { SECCOMP_FILTER_FLAG } from "../../ffi/constants.ts";
import type { LinuxSeccomp } from "../spec/seccomp.ts";
import { BPF, LARGEST_FILTER } from "./bpf.ts";
import type { SeccompHost } from "./profile.ts";

/**
 * Part of every key, to be raised when default.ts, profile.ts, rules.ts, compile.ts or enosys.ts
 * would make other bytes of the same profile; a test watches over the rules and the stub.
 */
export const EDITION = 1;

/** What default.ts's profile is resolved by: a container with these capabilities, on this machine. */
export function seccompHost(capabilities: readonly string[]): SeccompHost {
  const [major, minor] = Deno.osRelease().split(".").map((part) => parseInt(part));
  return { capabilities, kernel: [major, minor], arch: Deno.build.arch };
}

/**
 * The compiled filter of a profile.
 *
 * @param cacheDirectory where filters are kept; it is made if it is missing, and a filter that
 * cannot be kept is only compiled again next time
 * @param profile an OCI profile, or a host for Docker's default (default.ts)
 * @returns an array of `struct sock_filter`, as seccomp(2) takes it
 * @throws {Error} as `compileSeccomp` does
 */
export async function loadSeccomp(
  cacheDirectory: string,
  profile: LinuxSeccomp | SeccompHost,
): Promise<Uint8Array<ArrayBuffer>> {
  const subject = describe(profile);
  const libraries = librariesStamp();
  const path = `${cacheDirectory}/seccomp-${hash(subject)}.bpf`;
  const key = new TextEncoder().encode(`\n${EDITION} ${libraries} ${subject}\n`);
  const cached = libraries && read(path, key);
  if (cached) return cached;
  const { compileSeccomp } = await later<typeof import("./compile.ts")>(
    import.meta,
    "./compile.ts",
  );
  const filter = compileSeccomp(await resolve(profile));
  if (libraries) keep(cacheDirectory, path, key, filter);
  return filter;
}

async function resolve(profile: LinuxSeccomp | SeccompHost): Promise<LinuxSeccomp> {
  if ("defaultAction" in profile) return profile;
  const { defaultProfile } = await later<typeof import("./default.ts")>(
    import.meta,
    "./default.ts",
  );
  return defaultProfile(profile);
}

/** Everything in a profile that the filter depends on, on one line. */
function describe(profile: LinuxSeccomp | SeccompHost): string {
  if ("defaultAction" in profile) {
    return JSON.stringify(profile, (_, value) => typeof value === "bigint" ? `${value}n` : value);
  }
  const { arch, kernel, capabilities } = profile;
  return `default ${arch} ${kernel.join(".")} ${[...capabilities].sort().join(" ")}`;
}

/**
 * Which libseccomp is installed, without asking it: ldconfig(8) writes /etc/ld.so.cache anew
 * whenever a library comes, goes or changes. Empty where that says nothing, and then nothing is
 * cached: with LD_LIBRARY_PATH, or on a system that has no such file.
 */
function librariesStamp(): string {
  if (Deno.env.get("LD_LIBRARY_PATH")) return "";
  try {
    const { ino, size, mtime } = Deno.statSync("/etc/ld.so.cache");
    return `${ino}-${size}-${mtime?.getTime()}`;
  } catch {
    return "";
  }
}

/** FNV-1a in 32 bits: a file's name, which need not be unique. */
function hash(text: string): string {
  let value = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x0100_0193);
  }
  return (value >>> 0).toString(16).padStart(8, "0");
}

/** The filter in a cached file, unless it is another's, an old one, or rubbish. */
function read(path: string, key: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Deno.readFileSync(path);
  } catch {
    return undefined;
  }
  const length = bytes.length - key.length;
  if (length < 8 || length > 8 * LARGEST_FILTER || length % 8 !== 0) return undefined;
  // each instruction has eight bytes that begin with its code, and the last one always returns
  if (bytes[length - 8] !== BPF.RET || bytes[length - 7] !== 0) return undefined;
  return key.every((byte, index) => bytes[length + index] === byte)
    ? bytes.subarray(0, length)
    : undefined;
}

/**
 * Writes a file under another name first, so that no reader sees half of it. The name is always the
 * same: what a killed writer leaves there is taken by the next one, and what two writers at once
 * could spoil there is found out by `read`.
 */
function keep(directory: string, path: string, key: Uint8Array, filter: Uint8Array): void {
  const bytes = new Uint8Array(key.length + filter.length);
  bytes.set(filter);
  bytes.set(key, filter.length);
  try {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    Deno.writeFileSync(`${path}.new`, bytes, { mode: 0o600 });
    Deno.renameSync(`${path}.new`, path);
  } catch {
    // a full or read-only disk stops no container: the filter is in our hands
  }
}

/**
 * The flags to load a profile's filter with.
 *
 * - No `flags` in the profile means SPEC_ALLOW, as in runc: before Linux 5.16 a filter otherwise
 *   switches off speculative store bypass for the process, which makes some programs far slower.
 *   An empty list asks for that.
 * - TSYNC is taken and left out: it is for a process with several threads, and the one that loads
 *   the filter here has one. It also excludes a listener.
 * - A rule with SCMP_ACT_NOTIFY means NEW_LISTENER: the call returns the descriptor that the
 *   profile's `listenerPath` is waiting for.
 *
 * @param profile an OCI profile, or a host for Docker's default, which has neither of these fields
 * @throws {Error} with the field's path, for a flag that does not exist or has no effect
 */
export function seccompFlags(profile: LinuxSeccomp | SeccompHost): number {
  const { flags = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"], syscalls = [] } = profile as Partial<
    LinuxSeccomp
  >;
  const listens = syscalls.some((rule) => rule.action === "SCMP_ACT_NOTIFY");
  let bits: number = listens ? SECCOMP_FILTER_FLAG.NEW_LISTENER : 0;
  for (const [index, flag] of flags.entries()) {
    const path = `linux.seccomp.flags[${index}]`;
    switch (flag) {
      case "SECCOMP_FILTER_FLAG_TSYNC":
        break;
      case "SECCOMP_FILTER_FLAG_LOG":
        bits |= SECCOMP_FILTER_FLAG.LOG;
        break;
      case "SECCOMP_FILTER_FLAG_SPEC_ALLOW":
        bits |= SECCOMP_FILTER_FLAG.SPEC_ALLOW;
        break;
      case "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":
        if (!listens) throw new Error(`${path}: ${flag} needs a rule with SCMP_ACT_NOTIFY`);
        bits |= SECCOMP_FILTER_FLAG.WAIT_KILLABLE_RECV;
        break;
      default:
        throw new Error(`${path}: "${flag}" is no flag of seccomp(2)`);
    }
  }
  return bits;
}
