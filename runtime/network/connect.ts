/**
 * A container connected to the host: bridges, cables and packet filter, made by the parent while
 * the child builds its root.
 *
 * @module
 */

import type { Ref } from "../../ffi/memory.ts";
import { ask, openNetlink, PROTOCOL } from "../../ffi/netlink.ts";
import type { Program } from "../../ffi/program.ts";
import { addAddress, ADDRESS_INDEX, newBridge, newVeth, VETH_BRIDGE } from "../../ffi/rtnetlink.ts";
import { writeFile } from "../birth/files.ts";
import { addressOf, macFor, parseSubnet } from "./addresses.ts";
import { runWithText, type TextRun } from "./helper.ts";
import type { Switch } from "./host.ts";
import type { HostNames } from "./names.ts";
import { addRules, macBytes, setUpRules, updateRules } from "./ruleset.ts";
import { type Endpoint, type Network, networkById, type NetworkState } from "./state.ts";

/** What a connection is written from. */
export interface ConnectionRequest extends RulesRequest {
  /** the container's places */
  endpoints: readonly Endpoint[];
  /** the interfaces that are there already */
  interfaces: ReadonlySet<string>;
  /** switches of the kernel's that have to be turned */
  switches: readonly Switch[];
}

/** What the packet filter's rules are written from. */
export interface RulesRequest {
  /** all networks and containers, this one too */
  state: NetworkState;
  /** what things are called */
  names: HostNames;
  /** where nft(8) is */
  nft: string;
  /** families of which a table of ours is there */
  tables: readonly string[];
  /** whether the sets are only added to */
  adds?: boolean;
}

/** Writes down how a container whose first process is `pid` is connected. @returns the run of nft */
export function writeConnection(
  program: Program,
  pid: number | "PID",
  request: ConnectionRequest,
): TextRun {
  program.phase("network: the host's side");
  const netlink = openNetlink(program, PROTOCOL.ROUTE, "to speak with the kernel of interfaces");
  makeCables(program, netlink, pid, request);
  program.call("no more of that").close(netlink);
  for (const { path, after, why } of request.switches) writeFile(program, path, after, why);
  return changeRules(program, request);
}

/** The container's cables, each with its end in a bridge, which is made if it is not there. */
function makeCables(
  program: Program,
  netlink: Ref,
  pid: number | "PID",
  { state, endpoints, interfaces }: ConnectionRequest,
): void {
  const there = new Set(interfaces);
  for (const { network: id, port, device, mac } of endpoints) {
    const network = networkById(state, id);
    const { bridge, mtu } = network;
    if (!there.has(bridge)) makeBridge(program, netlink, network);
    there.add(bridge);
    const from = program.call("which number has the bridge?", { name: "bridge" })
      .if_nametoindex(bridge);
    const cable = { name: port, bridgeName: bridge, peer: device, pid, mac: macBytes(mac), mtu };
    const why = "a cable: one end in the bridge, the other in the container";
    ask(program, netlink, newVeth(cable), why, { from, at: VETH_BRIDGE });
  }
}

function makeBridge(program: Program, netlink: Ref, network: Network): void {
  const { bridge, subnet, gateway, subnet6, gateway6, mtu } = network;
  const message = newBridge(bridge, macFor(gateway), mtu);
  ask(program, netlink, message, "a switch that the network's containers are plugged into");
  const from = program.call("which number has it?", { name: "index" }).if_nametoindex(bridge);
  for (const [address, within] of [[gateway, subnet], [gateway6, subnet6]]) {
    if (!address || !within) continue;
    const message = addAddress(addressOf(address), parseSubnet(within)!.length, bridge);
    const why = "the host's own address in it, to which the containers send what leaves";
    ask(program, netlink, message, why, { from, at: ADDRESS_INDEX });
  }
  const loopback = `/proc/sys/net/ipv4/conf/${bridge}/route_localnet`;
  writeFile(
    program,
    loopback,
    "1",
    "127.0.0.1 may call on containers; the filter keeps others out",
  );
  const adverts = `/proc/sys/net/ipv6/conf/${bridge}/accept_ra`;
  writeFile(program, adverts, "0", "no container tells the host of routers", {
    allow: ["ENOENT"],
  });
}

/** One transaction of nft(8). */
export function changeRules(
  program: Program,
  { state, names, nft, tables, adds }: RulesRequest,
): TextRun {
  const run = (text: string, why: string) => runWithText(program, [nft, "-f", "-"], text, why);
  if (tables.length < 2) {
    const why = "tables of our own in the packet filter, in one transaction";
    return run(setUpRules(state, names, tables), why);
  }
  return adds
    ? run(addRules(state, names), "who is who, and which ports lead where, in one transaction")
    : run(updateRules(state, names), "the same anew, and nothing else, in one transaction");
}
