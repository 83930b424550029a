/**
 * A container's network worked out, claimed, and made: the way from what was asked for to the calls
 * of its start.
 *
 * @module
 */

import { AT } from "../../ffi/constants.ts";
import { attempt } from "../../ffi/libc.ts";
import { Arena } from "../../ffi/memory.ts";
import { Program, type Weave } from "../../ffi/program.ts";
import { later } from "../later.ts";
import { overlap, parseSubnet } from "./addresses.ts";
import { writeConnection } from "./connect.ts";
import { checkRun } from "./helper.ts";
import { interfaces, missingSwitches, routes, tablesThere } from "./host.ts";
import type { InsidePlan } from "./inside.ts";
import { DEFAULT_NETWORK, hostNames, isServed } from "./names.ts";
import { findPlace, isFree, type Place, type Who } from "./place.ts";
import type { NetworkRequest } from "./request.ts";
import {
  forgetMember,
  idleFile,
  isHeld,
  isStale,
  type LockedState,
  lockState,
  type Network,
  type NetworkState,
  readState,
  usedNetworks,
  withoutDead,
} from "./state.ts";

/** A container's network, as it will be unless somebody is quicker. */
export interface NetworkPlan {
  /** for whom */
  who: Who;
  /** what was asked for */
  request: NetworkRequest;
  /** its addresses and ports */
  place: Place;
  /** where nft(8) is */
  nft: string;
}

/** Works a container's network out; nothing is touched. */
export async function planNetwork(
  who: Who,
  request: NetworkRequest,
  nft: string,
): Promise<NetworkPlan> {
  const state = withoutDead(who.dataRoot, readState(who.dataRoot));
  return { who, request, nft, place: await findPlace(state, request, who) };
}

/**
 * Takes the addresses and ports of a plan, so that nobody else gets them.
 *
 * @returns the plan; another one, where somebody was quicker
 */
export async function claimNetwork(plan: NetworkPlan): Promise<NetworkPlan> {
  const { who, request } = plan;
  using locked = await lockState(who.dataRoot);
  const { state } = locked;
  for (const member of state.members) {
    if (member.id === who.id || !isHeld(who.dataRoot, member)) forgetMember(state, member);
  }
  forgetOverlapped(state);
  const place = isFree(state, plan.place) ? plan.place : await findPlace(state, request, who);
  state.networks.push(...missingNetworks(state, place.networks));
  state.members.push(place.member);
  locked.save();
  // whoever was about to take bridges and rules away finds that they are wanted
  for (const what of ["all", ...place.networks.map(({ bridge }) => bridge)]) {
    attempt.unlinkat(AT.FDCWD, idleFile(who.dataRoot, what), 0);
  }
  if (place.networks.some(isServed) || request.service !== undefined) {
    const { ensureKeeper } = await later<typeof import("../keeper.ts")>(
      import.meta,
      "../keeper.ts",
    );
    ensureKeeper(who.dataRoot);
  }
  return place === plan.place ? plan : { ...plan, place };
}

function missingNetworks({ networks }: NetworkState, wanted: readonly Network[]): Network[] {
  return wanted.filter(({ id }) => networks.every((network) => network.id !== id));
}

/**
 * Forgets the default network while nobody is in it and the host has got a route to the subnet that
 * was chosen for it: it is made anew then, with another one.
 */
function forgetOverlapped(state: NetworkState): void {
  const idle = state.networks.find(({ name, isChosen }) => name === DEFAULT_NETWORK && isChosen);
  if (!idle || usedNetworks(state).includes(idle)) return;
  const subnet = parseSubnet(idle.subnet)!;
  if (routes().some((route) => route.device !== idle.bridge && overlap(route.subnet, subnet))) {
    state.networks = state.networks.filter((network) => network !== idle);
    state.gone = { cables: [], bridges: [], misleads: true };
  }
}

/** The parent's calls that connect a container, while nobody else changes anything. */
export interface Connection extends Disposable {
  /** the calls */
  program: Program;
  /** looks at what came of them. @throws {Error} where the packet filter refused its rules */
  check(): Promise<void>;
}

/**
 * Writes down how a claimed container is connected.
 *
 * @param pid its first process; `"PID"` where a person reads what would be done
 */
export async function connection(
  { who: { dataRoot }, place, nft }: NetworkPlan,
  pid: number | "PID",
  weave?: Weave,
): Promise<Connection> {
  const locked = pid === "PID" ? shown(dataRoot, place) : await lockState(dataRoot);
  try {
    const { state } = locked;
    const names = hostNames(dataRoot);
    const tables = tablesThere(names.table);
    // what they were for the last one's container is of no interest to the next one's
    if (tables.length === 0 && state.members.length === 1) state.switches = {};
    const switches = missingSwitches(usedNetworks(state).some(({ gateway6 }) => gateway6));
    // what they were is known before they are changed, so that somebody can change them back
    if (switches.length > 0) {
      const before = Object.fromEntries(switches.map(({ path, before }) => [path, before]));
      state.switches = { ...before, ...state.switches };
      locked.save();
    }
    const adds = tables.length === 2 && !isStale(state, place.member);
    const program = new Program(new Arena(1 << 19), weave, weave ? 1024 : 256);
    const run = writeConnection(program, pid, {
      state,
      endpoints: place.member.endpoints,
      names,
      nft,
      interfaces: interfaces(),
      switches,
      tables,
      adds,
    });
    const check = async () => {
      checkRun(run);
      if (!adds && state.gone) {
        state.gone = undefined;
        locked.save();
      }
      locked[Symbol.dispose]();
      await namesReady(dataRoot, place.networks);
    };
    return { program, check, [Symbol.dispose]: () => locked[Symbol.dispose]() };
  } catch (error) {
    locked[Symbol.dispose]();
    throw error;
  }
}

/** Waits for the name server of the networks that have one. */
async function namesReady(dataRoot: string, networks: readonly Network[]): Promise<void> {
  const served = networks.filter(isServed);
  if (served.length === 0) return;
  const { waitForServer } = await later<typeof import("./dns_ready.ts")>(
    import.meta,
    "./dns_ready.ts",
  );
  for (const { gateway } of served) await waitForServer(dataRoot, gateway);
}

/** The state as it would be: for a reader, who changes nothing. */
function shown(dataRoot: string, { member, networks }: Place): LockedState {
  const state = withoutDead(dataRoot, readState(dataRoot));
  state.networks.push(...missingNetworks(state, networks));
  state.members.push(member);
  return { state, save: () => {}, [Symbol.dispose]: () => {} };
}

/** What is set inside the container. */
export function insidePlan({ member, networks }: Place): InsidePlan {
  const devices = member.endpoints.map(({ device, address, address6 }, i) => {
    const { subnet, subnet6 } = networks[i];
    const addresses = [[address, subnet], [address6, subnet6]].flatMap(([address, subnet]) =>
      address && subnet ? [{ address, length: parseSubnet(subnet)!.length }] : []
    );
    return { name: device, addresses };
  });
  const out = networks.find(({ internal }) => !internal);
  const gateways = [out?.gateway, out?.gateway6].filter((address) => address !== undefined);
  return { devices, gateways };
}
