/**
 * A container that runs put into a network, and taken out of one.
 *
 * @module
 */

import { CLONE, O } from "../../ffi/constants.ts";
import { Arena } from "../../ffi/memory.ts";
import { ask, openNetlink, PROTOCOL, refusalOf } from "../../ffi/netlink.ts";
import { Program } from "../../ffi/program.ts";
import { deleteLink } from "../../ffi/rtnetlink.ts";
import { cloneArgs } from "../../ffi/structs.ts";
import { writeConnection } from "./connect.ts";
import { checkRun } from "./helper.ts";
import { findNft, interfaces, missingSwitches, tablesThere } from "./host.ts";
import { type InsidePlan, setUpInside } from "./inside.ts";
import { hostNames, isServed } from "./names.ts";
import { findNetwork } from "./networks.ts";
import { insidePlan } from "./plan.ts";
import { findEndpoint } from "./place.ts";
import { removeBridgeLater, writeRules } from "./release.ts";
import { NetworkError, type NetworkUse } from "./request.ts";
import {
  type Endpoint,
  lockState,
  type Member,
  type Network,
  networkById,
  type NetworkState,
  usedNetworks,
} from "./state.ts";

/** A container that runs. */
export interface Running {
  /** its id */
  id: string;
  /** its first process */
  pid: number;
  /** where its own /etc/hosts and /etc/resolv.conf are */
  directory: string;
}

/**
 * Puts a container into a network.
 *
 * @throws {NetworkError} for one that is in it already, or has no network of its own
 */
export async function attach(
  dataRoot: string,
  { id, pid, directory }: Running,
  use: NetworkUse,
): Promise<void> {
  using locked = await lockState(dataRoot);
  const { state } = locked;
  const network = findNetwork(state, dataRoot, use.name);
  const member = memberOf(state, id);
  if (endpointIn(member, network)) {
    throw new NetworkError(`the container is in the network ${network.name} already`);
  }
  const endpoint = findEndpoint(state, network, use, { dataRoot, id }, freeIndex(member));
  const before = member.endpoints.map((endpoint) => networkById(state, endpoint.network));
  if (!state.networks.includes(network)) state.networks.push(network);
  member.endpoints.push(endpoint);
  locked.save();
  try {
    const inside = insidePlan({
      member: { ...member, endpoints: [endpoint] },
      networks: [network],
    });
    // the way out that it has stays the one that it uses
    if (before.some(({ internal }) => !internal)) inside.gateways = [];
    plugIn(dataRoot, state, endpoint, { pid, inside });
  } catch (error) {
    member.endpoints.pop();
    locked.save();
    throw error;
  }
  noteAddresses(
    directory,
    endpoint,
    isServed(network) && !before.some(isServed) && network.gateway,
  );
}

/**
 * Takes a container out of a network.
 *
 * @throws {NetworkError} for one that is not in it
 */
export async function detach(
  dataRoot: string,
  { id, directory }: Pick<Running, "id" | "directory">,
  word: string,
): Promise<void> {
  using locked = await lockState(dataRoot);
  const { state } = locked;
  const network = findNetwork(state, dataRoot, word);
  const member = memberOf(state, id);
  const endpoint = endpointIn(member, network);
  if (!endpoint) throw new NetworkError(`the container is not in the network ${network.name}`);
  member.endpoints.splice(member.endpoints.indexOf(endpoint), 1);
  locked.save();
  unplug(endpoint);
  writeRules(state, hostNames(dataRoot));
  if (!usedNetworks(state).includes(network)) removeBridgeLater(dataRoot, network.bridge);
  forgetAddresses(directory, endpoint);
}

function memberOf({ members }: NetworkState, id: string): Member {
  const member = members.find((member) => member.id === id);
  if (member) return member;
  throw new NetworkError(
    "the container has no network of its own that could be changed: it was started with " +
      "--network none, host, container:… or ns:…",
  );
}

function endpointIn({ endpoints }: Member, { id }: Network): Endpoint | undefined {
  return endpoints.find(({ network }) => network === id);
}

/** The first number that none of its interfaces has. */
function freeIndex({ endpoints }: Member): number {
  const taken = new Set(endpoints.map(({ device }) => device));
  let index = 0;
  while (taken.has(`eth${index}`)) index++;
  return index;
}

function plugIn(
  dataRoot: string,
  state: NetworkState,
  endpoint: Endpoint,
  { pid, inside }: { pid: number; inside: InsidePlan },
): void {
  const nft = findNft();
  if (!nft) throw new NetworkError("nft is not installed (on Debian: apt install nftables)");
  const names = hostNames(dataRoot);
  const program = new Program(new Arena(1 << 19), {}, 256);
  const run = writeConnection(program, pid, {
    state,
    names,
    nft,
    endpoints: [endpoint],
    interfaces: interfaces(),
    switches: missingSwitches(false),
    tables: tablesThere(names.table),
  });
  enterAndSetUp(program, pid, inside);
  try {
    program.walk();
  } catch (error) {
    throw failureOf(program) ?? error;
  }
  // the child's failure is no failure of the walk here, but it leaves its trace
  const failure = failureOf(program);
  if (failure) throw failure;
  checkRun(run);
}

function failureOf(program: Program): Error | undefined {
  const step = program.failed;
  return step && (refusalOf(step) ?? program.error(step));
}

/** A child enters the container's network, and sets there what the container's first process would. */
function enterAndSetUp(program: Program, pid: number, inside: InsidePlan): void {
  program.phase("network: the container's side");
  const parent = program.label();
  const child = program.call("a child that enters the container's network", { fork: { parent } })
    .clone3(cloneArgs(0), 88);
  const namespace = program.call("the network of its first process", { name: "network" })
    .open(`/proc/${pid}/ns/net`, O.RDONLY | O.CLOEXEC, 0);
  program.call("from here on it speaks for the container").setns(namespace, CLONE.NEWNET);
  setUpInside(program, inside);
  program.call("done")._exit(0);
  program.place(parent);
  program.call("wait until it is done").waitpid(child, null, 0);
}

function unplug({ port }: Endpoint): void {
  if (!interfaces().has(port)) return;
  const program = new Program(new Arena(1 << 17), {}, 16);
  const netlink = openNetlink(program, PROTOCOL.ROUTE, "to speak with the kernel of interfaces");
  ask(program, netlink, deleteLink(port), "the cable is pulled out, at both ends");
  program.call("no more of that").close(netlink);
  program.walk();
}

/** The container's files say what has come: written in place, because they are mounted. */
function noteAddresses(
  directory: string,
  { address, address6 }: Endpoint,
  server: string | false,
): void {
  const hosts = `${directory}/hosts`;
  const name = Deno.readTextFileSync(`${directory}/hostname`).trim();
  const lines = [address, ...(address6 ? [address6] : [])].map((text) => `${text}\t${name}\n`);
  Deno.writeTextFileSync(hosts, lines.join(""), { append: true });
  if (!server) return;
  const resolver = `${directory}/resolv.conf`;
  const kept = Deno.readTextFileSync(resolver).split("\n")
    .filter((line) => line !== "" && !/^\s*nameserver\s/.test(line));
  Deno.writeTextFileSync(resolver, [...kept, `nameserver ${server}`, ""].join("\n"));
}

function forgetAddresses(directory: string, { address, address6 }: Endpoint): void {
  const hosts = `${directory}/hosts`;
  const kept = Deno.readTextFileSync(hosts).split("\n")
    .filter((line) => ![address, address6].includes(line.split("\t", 1)[0]));
  Deno.writeTextFileSync(hosts, kept.join("\n"));
}
