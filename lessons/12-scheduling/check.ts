/**
 * Lesson 12's check: a plan is looked at first, and then carried out with real containers.
 *
 * @module
 */

import { descendants } from "../workshop.ts";
import { groupOf } from "../groups.ts";
import type { Trial } from "../trial.ts";
import { KILLED, makeCluster, NODE } from "./cluster.ts";

/** Asks for a plan of demands that nobody knows beforehand, and has it carried out. */
export async function check(trial: Trial): Promise<void> {
  const capacity = NODE.memory;
  const small = 24 + Math.floor(Math.random() * 12);
  // small ones first: whoever takes them as they come needs a third node
  const sizes = [small, small, capacity - small, capacity - small, capacity + 1];
  const demands = sizes.map((memory, i) => ({ name: "abcde"[i], memory }));
  const words = demands.map(({ name, memory }) => `${name}=${memory}`);
  const { output } = await trial.runExercise([String(capacity), ...words], { timeout: 10 });
  const plan = new Map(
    output.trim().split("\n").map((line) => line.trim().split(/\s+/) as [string, string]),
  );
  const asked = { en: `it was asked: ${words.join(" ")}`, zh: `需求是：${words.join(" ")}` };

  trial.claim(demands.every(({ name }) => plan.has(name)), {
    en: "every container has an answer",
    zh: "每个容器都有答案",
  }, asked);
  trial.claim(plan.get("e") === "-", {
    en: "what is larger than a node is placed nowhere",
    zh: "比节点还大的，哪里也不放",
  }, asked);
  const nodes = new Map<string, number>();
  for (const { name, memory } of demands.slice(0, -1)) {
    const node = plan.get(name)!;
    nodes.set(node, (nodes.get(node) ?? 0) + memory);
  }
  trial.claim(!nodes.has("-"), { en: "all others have a place", zh: "其余的都有位置" }, asked);
  trial.claim([...nodes.values()].every((sum) => sum <= capacity), {
    en: "no node is promised more than it has",
    zh: "没有节点承诺的比拥有的多",
  }, asked);
  trial.claim(nodes.size === 2, {
    en: "no more nodes are used than it takes",
    zh: "用的节点没有超过所需",
  }, {
    en: `${nodes.size} are used, and two would do: ${words.join(" ")}`,
    zh: `用了 ${nodes.size} 个，而两个就够：${words.join(" ")}`,
  });

  const cluster = await makeCluster(trial, [...nodes.keys()]);
  const containers = demands.slice(0, -1).map((demand) => {
    const node = plan.get(demand.name)!;
    return { node, running: cluster.start(demand, node) };
  });
  await cluster.settle();
  const isAtHome = ({ node, running }: typeof containers[number]) =>
    descendants(running.pid).some((pid) =>
      groupOf(pid, "memory")?.startsWith(`${cluster.directory(node)}/`)
    );
  trial.claim(containers.every(isAtHome), {
    en: "real containers run there, each in its node's group",
    zh: "真正的容器在那里运行，各自在节点的组里",
  });
  cluster.go();
  const ends = await Promise.all(containers.map(async ({ node, running }) => {
    return { node, ...await running.ended };
  }));
  const killed = ends.find(({ code }) => code === KILLED);
  trial.claim(killed === undefined, {
    en: "and have the memory that they asked for: the kernel killed none",
    zh: "并且得到了所要的内存：内核没有杀死任何一个",
  }, { en: `on node ${killed?.node} it did`, zh: `节点 ${killed?.node} 上有被杀死的` });
}
