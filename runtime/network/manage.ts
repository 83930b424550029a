/**
 * Networks made, listed and removed.
 *
 * @module
 */

import { Arena } from "../../ffi/memory.ts";
import { Program } from "../../ffi/program.ts";
import { DEFAULT_NETWORK } from "./names.ts";
import { defaultNetwork, findNetwork, type NewNetwork, newNetwork, RESERVED } from "./networks.ts";
import { removeBridges } from "./release.ts";
import { NetworkError } from "./request.ts";
import { isHeld, lockState, type Member, type Network, readState } from "./state.ts";

/**
 * Makes a network; its bridge is made with its first container.
 *
 * @throws {NetworkError} for a name or a subnet that is taken, or what does not go together
 */
export async function createNetwork(dataRoot: string, wanted: NewNetwork): Promise<Network> {
  if ([...RESERVED, DEFAULT_NETWORK, "default", "container"].includes(wanted.name)) {
    throw new NetworkError(`the name ${wanted.name} means something else: choose another`);
  }
  using locked = await lockState(dataRoot);
  const network = newNetwork(locked.state, wanted);
  locked.state.networks.push(network);
  locked.save();
  return network;
}

/** A network, and the containers in it. */
export interface NetworkInfo {
  /** the network */
  network: Network;
  /** the containers that run in it */
  members: Member[];
}

/** All networks, the default one first, which is shown before it is used too. */
export function listNetworks(dataRoot: string): NetworkInfo[] {
  const state = readState(dataRoot);
  const first = defaultNetwork(state, dataRoot);
  const members = state.members.filter((member) => isHeld(dataRoot, member));
  return [first, ...state.networks.filter(({ id }) => id !== first.id)]
    .map((network) => ({ network, members: membersOf(network, members) }));
}

/** One of them. @throws {NetworkError} where there is none of that name or id */
export function inspectNetwork(dataRoot: string, word: string): NetworkInfo {
  const state = readState(dataRoot);
  const network = findNetwork(state, dataRoot, word);
  const members = state.members.filter((member) => isHeld(dataRoot, member));
  return { network, members: membersOf(network, members) };
}

function membersOf({ id }: Network, members: readonly Member[]): Member[] {
  return members.filter(({ endpoints }) => endpoints.some(({ network }) => network === id));
}

/**
 * Removes a network that no container is in.
 *
 * @throws {NetworkError} for one that is in use, and for the default one
 */
export async function removeNetwork(dataRoot: string, word: string): Promise<void> {
  using locked = await lockState(dataRoot);
  const { state } = locked;
  const network = findNetwork(state, dataRoot, word);
  if (network.name === DEFAULT_NETWORK) {
    throw new NetworkError(`${word} is the default network, and cannot be removed`);
  }
  const members = membersOf(network, state.members)
    .filter((member) => isHeld(dataRoot, member));
  if (members.length > 0) {
    const names = members.map(({ id, name }) => name ?? id.slice(0, 12)).join(", ");
    throw new NetworkError(`the network ${network.name} is used by ${names}`);
  }
  remove(state.networks, network);
  locked.save();
}

/** Removes every network that no container is in. @returns their names */
export async function pruneNetworks(
  dataRoot: string,
  isMeant: (network: Network) => boolean,
): Promise<string[]> {
  using locked = await lockState(dataRoot);
  const { state } = locked;
  const members = state.members.filter((member) => isHeld(dataRoot, member));
  const unused = state.networks.filter((network) =>
    network.name !== DEFAULT_NETWORK && isMeant(network) && membersOf(network, members).length === 0
  );
  for (const network of unused) remove(state.networks, network);
  locked.save();
  return unused.map(({ name }) => name);
}

/** Takes a network out of the list, and its bridge off the host if it is still there. */
function remove(networks: Network[], network: Network): void {
  networks.splice(networks.indexOf(network), 1);
  const program = new Program(new Arena(1 << 17), {}, 16);
  removeBridges(program, [network.bridge]);
  program.walk();
}
