/**
 * What is known of networks and of the containers in them: one file below the data root.
 *
 * It is changed under a lock and replaced in one piece. Whatever the kernel is told is made from
 * it, so what a killed command has left there is put right by whoever comes next.
 *
 * @module
 */

import { isAlive, type ProcessIdentity } from "../processes.ts";
import { claimFile, readIdentity } from "../records.ts";

/** A network. */
export interface Network {
  /** 64 hexadecimal digits */
  id: string;
  /** its name; the default network's is `bridge` */
  name: string;
  /** the bridge's name on the host */
  bridge: string;
  /** its addresses, as `10.77.0.0/16` */
  subnet: string;
  /** the host's address in it */
  gateway: string;
  /** the part of the subnet that containers get addresses from */
  range?: string;
  /** the same for IPv6, unless it has none */
  subnet6?: string;
  /** the host's IPv6 address in it */
  gateway6?: string;
  /** whether the subnet was chosen by us, and may be chosen anew while nobody uses it */
  isChosen: boolean;
  /** whether there is no way out of it */
  internal?: boolean;
  /** the largest packet, in bytes */
  mtu?: number;
  /** free text by key */
  labels: Record<string, string>;
  /** when it was made, as Date.prototype.toISOString has it */
  created: string;
}

/** A container's place in a network. */
export interface Endpoint {
  /** the network's id */
  network: string;
  /** the interface's name in the container */
  device: string;
  /** the name of the host's end of the cable */
  port: string;
  /** its IPv4 address */
  address: string;
  /** its IPv6 address */
  address6?: string;
  /** its hardware address, as `02:42:0a:4d:00:02` */
  mac: string;
  /** names beside the container's own */
  aliases: string[];
}

/** A port of the host's that leads into a container. */
export interface PublishedPort {
  /** the host's address; unless given, all of them */
  ip?: string;
  /** the host's port */
  host: number;
  /** the container's port */
  container: number;
  /** the protocol */
  protocol: "tcp" | "udp";
}

/** A container that has a network. */
export interface Member {
  /** its id */
  id: string;
  /** its name */
  name?: string;
  /** who has claimed the addresses, until the container itself has somebody who answers for it */
  owner: ProcessIdentity;
  /** its places, the first one's network is the way out */
  endpoints: Endpoint[];
  /** the ports of the host's that lead to it */
  ports: PublishedPort[];
  /** name servers that its questions are passed on to, in place of the host's */
  dns?: string[];
  /** the service that it is a part of */
  service?: string;
  /** whether its health check says that it can be sent no work */
  isUnready?: boolean;
}

/** One name and one port for many containers. */
export interface Service {
  /** its name */
  name: string;
  /** the host's ports that lead to them, each in turn */
  ports: PublishedPort[];
}

/** Everything. */
export interface NetworkState {
  /** all networks that were made, the default one too once it has been used */
  networks: Network[];
  /** the containers */
  members: Member[];
  /** the services, if there are any */
  services?: Service[];
  /** switches of the kernel's that were turned on, and what they were: path and value */
  switches: Record<string, string>;
  /** what is gone and may still be in the packet filter's sets */
  gone?: Gone;
}

/** What may be in the packet filter's sets and is of no use to anybody. */
export interface Gone {
  /** the host's ends of cables */
  cables: string[];
  /** bridges that nobody is plugged into */
  bridges: string[];
  /** whether something leads or belongs elsewhere now: a published port, a subnet */
  misleads?: boolean;
}

/** How many cables that are gone the sets may have. */
const MOST_GONE = 64;

/** The networks that a container is in. */
export function usedNetworks(
  { networks, members }: Pick<NetworkState, "networks" | "members">,
): Network[] {
  const used = new Set(members.flatMap(({ endpoints }) => endpoints.map(({ network }) => network)));
  return networks.filter(({ id }) => used.has(id));
}

/** Forgets a container; the packet filter's sets keep what they have of it for the time being. */
export function forgetMember(state: NetworkState, member: Member): void {
  const before = usedNetworks(state);
  state.members = state.members.filter((other) => other !== member);
  const after = new Set(usedNetworks(state));
  const { cables = [], bridges = [], misleads = false } = state.gone ?? {};
  state.gone = {
    cables: [...cables, ...member.endpoints.map(({ port }) => port)],
    bridges: [
      ...new Set([
        ...bridges,
        ...before.filter((network) => !after.has(network)).map(({ bridge }) => bridge),
      ]),
    ],
    misleads: misleads || member.ports.length > 0,
  };
}

/**
 * Whether the sets have to be written anew for a container: what they say of a cable that is gone
 * lets nobody through, unless the container gets one of the same name and another address.
 */
export function isStale(state: NetworkState, { endpoints }: Member): boolean {
  if (state.services) return true;
  if (!state.gone) return false;
  const { cables, bridges, misleads } = state.gone;
  const used = new Set(usedNetworks(state).map(({ bridge }) => bridge));
  return misleads || cables.length >= MOST_GONE || bridges.some((bridge) => !used.has(bridge)) ||
    endpoints.some(({ port }) => cables.includes(port));
}

/** Where networks are kept. */
export function networkDirectory(dataRoot: string): string {
  return `${dataRoot}/network`;
}

/** Where the state is. */
export function stateFile(dataRoot: string): string {
  return `${dataRoot}/network/state.json`;
}

/**
 * A file that is there while something is used by nobody and about to be removed. Whoever takes it
 * away decides: to use the thing, or to remove it.
 *
 * @param what is idle: a bridge, or `all`
 */
export function idleFile(dataRoot: string, what: string): string {
  return `${dataRoot}/network/idle-${what}`;
}

/** The state as it is now. */
export function readState(dataRoot: string): NetworkState {
  try {
    return JSON.parse(Deno.readTextFileSync(stateFile(dataRoot)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { networks: [], members: [], switches: {} };
    throw error;
  }
}

/** The state, while nobody else can change it; whoever is done with it disposes of it. */
export interface LockedState extends Disposable {
  /** the state, to be changed */
  state: NetworkState;
  /** keeps what was changed */
  save(): void;
}

/** Where the lock is: whoever has it open and locked, flock(2), may change state and kernel. */
export function lockPath(dataRoot: string): string {
  return `${dataRoot}/network/lock`;
}

/** The lock's file, which nobody renames or removes. */
function openLock(dataRoot: string): Deno.FsFile {
  const open = () =>
    Deno.openSync(lockPath(dataRoot), { read: true, write: true, create: true, mode: 0o600 });
  try {
    return open();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(networkDirectory(dataRoot), { recursive: true, mode: 0o700 });
    return open();
  }
}

/** Waits until nobody else can change the state. */
export async function lockState(dataRoot: string): Promise<LockedState> {
  const lock = openLock(dataRoot);
  if (!lock.tryLockSync(true)) await lock.lock(true);
  const state = readState(dataRoot);
  const save = () => {
    const path = stateFile(dataRoot);
    Deno.writeTextFileSync(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
    Deno.renameSync(`${path}.new`, path);
  };
  let isHeld = true;
  const dispose = () => {
    if (isHeld) lock.close();
    isHeld = false;
  };
  return { state, save, [Symbol.dispose]: dispose };
}

/** Whether a container still has somebody who answers for it, or will have in a moment. */
export function isHeld(dataRoot: string, { id, owner }: Member): boolean {
  if (isAlive(owner)) return true;
  try {
    Deno.lstatSync(claimFile(dataRoot, id));
    return true;
  } catch {
    return false;
  }
}

/** The same without the containers whose leftovers the next start clears away. */
export function withoutDead(dataRoot: string, state: NetworkState): NetworkState {
  const isDead = (member: Member) => {
    if (!isHeld(dataRoot, member)) return true;
    const claimant = readIdentity(claimFile(dataRoot, member.id));
    return claimant !== undefined && !isAlive(claimant) && !isAlive(member.owner);
  };
  return { ...state, members: state.members.filter((member) => !isDead(member)) };
}

/** A network by its id. @throws {Error} for one that is gone */
export function networkById({ networks }: NetworkState, id: string): Network {
  const network = networks.find((network) => network.id === id);
  if (network) return network;
  throw new Error(`the network ${id.slice(0, 12)} is not there any more`);
}
