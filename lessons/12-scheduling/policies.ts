/**
 * Policies of a scheduler: which node a container is put on, given what it asks for.
 *
 * A policy sees numbers only. That is all that a scheduler of a real cluster sees, too.
 *
 * @module
 */

/** A container that wants a place. */
export interface Demand {
  /** its name */
  name: string;
  /** memory that it asks for, in MiB */
  memory: number;
}

/** A machine, as a scheduler sees it. */
export interface NodeState {
  /** its name */
  name: string;
  /** memory that it has, in MiB */
  capacity: number;
  /** memory that has been promised on it */
  promised: number;
  /** how many containers have been put on it */
  containers: number;
}

/** Chooses a node; undefined where the container has to wait. */
export type Policy = (demand: Demand, nodes: readonly NodeState[]) => NodeState | undefined;

/** In turns, whatever is asked. */
export function roundRobin(_: Demand, nodes: readonly NodeState[]): NodeState | undefined {
  return nodes.toSorted((a, b) => a.containers - b.containers)[0];
}

/** Where most is left. */
export function spread(demand: Demand, nodes: readonly NodeState[]): NodeState | undefined {
  return nodes.filter((node) => fits(demand, node)).toSorted((a, b) => left(b) - left(a))[0];
}

/** Where least is left, and yet enough: others stay empty. */
export function pack(demand: Demand, nodes: readonly NodeState[]): NodeState | undefined {
  return nodes.filter((node) => fits(demand, node)).toSorted((a, b) => left(a) - left(b))[0];
}

function left({ capacity, promised }: NodeState): number {
  return capacity - promised;
}

function fits({ memory }: Demand, node: NodeState): boolean {
  return memory <= left(node);
}

/** Places demands, one after the other as they come. */
export function placeAll(
  policy: Policy,
  demands: readonly Demand[],
  nodes: readonly Omit<NodeState, "promised" | "containers">[],
): { placed: Map<string, string>; states: NodeState[] } {
  const states = nodes.map((node) => ({ ...node, promised: 0, containers: 0 }));
  const placed = new Map<string, string>();
  for (const demand of demands) {
    const node = policy(demand, states);
    if (!node) continue;
    node.promised += demand.memory;
    node.containers++;
    placed.set(demand.name, node.name);
  }
  return { placed, states };
}
