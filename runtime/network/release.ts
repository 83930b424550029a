/**
 * What a container's network gives back at its end: addresses, ports, and with the last container
 * the bridges, the tables and the kernel's switches.
 *
 * To remove a bridge and a table takes the kernel 50 ms, and the next container may come any
 * moment. So the last one leaves a process behind that waits a second and does it then, unless
 * somebody has come meanwhile. That process is a program of calls, without any JavaScript.
 *
 * @module
 */

import { AT, LOCK, O } from "../../ffi/constants.ts";
import { Arena } from "../../ffi/memory.ts";
import { ask, openNetlink, PROTOCOL } from "../../ffi/netlink.ts";
import { Program } from "../../ffi/program.ts";
import { deleteLink } from "../../ffi/rtnetlink.ts";
import { writeFile } from "../birth/files.ts";
import { readHostFile } from "../host_files.ts";
import { later } from "../later.ts";
import { leaveBehind } from "../orphan.ts";
import { containerDirectory } from "../records.ts";
import { changeRules } from "./connect.ts";
import { checkRun, textFile } from "./helper.ts";
import { findNft, interfaces, tablesThere } from "./host.ts";
import { type HostNames, hostNames } from "./names.ts";
import { removeRules } from "./ruleset.ts";
import {
  forgetMember,
  idleFile,
  lockPath,
  lockState,
  type NetworkState,
  stateFile,
  usedNetworks,
} from "./state.ts";

/** How long things that nobody uses stay, in milliseconds. */
const LINGER = 1000;

/**
 * Gives back what a container had of networks; for one that had nothing, nothing is done.
 *
 * @throws {Error} where the packet filter could not be changed; the addresses are given back then
 */
export async function releaseNetwork(dataRoot: string, id: string): Promise<void> {
  if (Deno.uid() !== 0) {
    const { endUserNetwork } = await later<typeof import("./user_mode.ts")>(
      import.meta,
      "./user_mode.ts",
    );
    return endUserNetwork(containerDirectory(dataRoot, id));
  }
  // where there never was a network there is no file, and none is made
  if (!readHostFile(stateFile(dataRoot))?.includes(id)) return;
  using locked = await lockState(dataRoot);
  const { state } = locked;
  const member = state.members.find((member) => member.id === id);
  if (!member) return;
  const before = usedNetworks(state);
  forgetMember(state, member);
  const names = hostNames(dataRoot);
  const after = usedNetworks(state);
  const isNamed = member.ports.length > 0 || member.service !== undefined;
  try {
    if (after.length > 0 && (isNamed || after.length < before.length)) writeRules(state, names);
  } finally {
    locked.save();
  }
  if (after.length === 0) return removeAllLater(dataRoot, names, state);
  for (const { bridge } of before.filter((network) => !after.includes(network))) {
    removeBridgeLater(dataRoot, bridge);
  }
}

/** A bridge that nobody uses is removed in a while. */
export function removeBridgeLater(dataRoot: string, bridge: string): void {
  inAWhile(dataRoot, bridge, (program) => removeBridges(program, [bridge]));
}

/** Has the packet filter say what the state says, and nothing else. @throws {Error} where it refuses */
export function writeRules(state: NetworkState, names: HostNames): void {
  const tables = tablesThere(names.table);
  const nft = findNft();
  // without its tables there is nothing that could be out of date
  if (!nft || tables.length < 2) return;
  const program = new Program(new Arena(1 << 18), {}, 64);
  const run = changeRules(program, { state, names, nft, tables });
  program.walk();
  checkRun(run);
  state.gone = undefined;
}

/** Writes down how bridges are removed, as far as they are there. */
export function removeBridges(program: Program, bridges: readonly string[]): void {
  const there = interfaces();
  const gone = bridges.filter((bridge) => there.has(bridge));
  if (gone.length === 0) return;
  const netlink = openNetlink(program, PROTOCOL.ROUTE, "to speak with the kernel of interfaces");
  for (const bridge of gone) {
    ask(program, netlink, deleteLink(bridge), "nobody is plugged in any more");
  }
  program.call("no more of that").close(netlink);
}

/** The last container is gone: so is everything of ours, in a while. */
function removeAllLater(
  dataRoot: string,
  names: HostNames,
  { networks, switches }: NetworkState,
): void {
  const nft = findNft();
  const restored = othersNeed(names, networks) ? [] : Object.entries(switches);
  inAWhile(dataRoot, "all", (program) => {
    removeBridges(program, networks.map(({ bridge }) => bridge));
    for (const [path, before] of restored) {
      writeFile(program, path, before, "as it was before", { allow: ["ENOENT"] });
    }
    if (!nft) return;
    const rules = textFile(program, "rules", removeRules(names));
    program.call("the last transaction").dup3(rules, 0, 0);
    program.call("the lock is let go when it has ended")
      .execve(nft, [nft, "-f", "-"], ["PATH=/usr/sbin:/usr/bin"]);
  });
}

/** Whether another data root has networks on this host, which need the kernel's switches too. */
function othersNeed({ bridge }: HostNames, networks: NetworkState["networks"]): boolean {
  const own = new Set([bridge, ...networks.map((network) => network.bridge)]);
  return [...interfaces()].some((name) => name.startsWith("tiffin") && !own.has(name));
}

/**
 * Leaves a process behind that makes some calls in a while, under the lock, unless somebody takes
 * its file away before.
 *
 * @param what is idle: a bridge, or `all`
 */
function inAWhile(dataRoot: string, what: string, write: (program: Program) => void): void {
  const file = idleFile(dataRoot, what);
  Deno.writeTextFileSync(file, "");
  leaveBehind("tiffin-idle", (program) => {
    program.call("perhaps somebody comes").poll(null, 0, LINGER);
    const lock = program.call("whoever comes now…", { name: "lock" })
      .open(lockPath(dataRoot), O.RDWR, 0);
    program.call("…has to wait until this process has ended").flock(lock, LOCK.EX);
    program.call("whoever came has taken this file away: then this fails, and the process ends")
      .unlinkat(AT.FDCWD, file, 0);
    write(program);
  });
}
