/**
 * Lesson 12: a scheduler that places real containers, and what three policies make of the same
 * demand.
 *
 * @module
 */

import type { Lesson, Stage } from "../lesson.ts";
import { KILLED, makeCluster, NODE } from "./cluster.ts";
import { type Demand, pack, placeAll, type Policy, roundRobin, spread } from "./policies.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: ["root", { controller: "memory" }, { controller: "cpu" }],
  exercise: "exercise.ts",
  steps: {
    "in turns": inTurns,
    "spread": spreadOut,
    "packed": packed,
  },
};

const NAMES = ["one", "two", "three"];

/** What is to be placed, in the order in which it comes; MiB. */
const DEMANDS: Demand[] = [48, 12, 12, 48, 12, 12].map((memory, i) => {
  return { name: "abcdef"[i], memory };
});

/** What came of a policy. */
interface Result {
  killed: number;
  nodes: number;
}

/** Places the containers, has them take their memory, looks, lets them work, and tells all of it. */
async function tryPolicy(stage: Stage, policy: Policy): Promise<Result> {
  const cluster = await makeCluster(stage, NAMES);
  const nodes = NAMES.map((name) => ({ name, capacity: NODE.memory }));
  const { placed, states } = placeAll(policy, DEMANDS, nodes);
  const containers = [...placed].map(([name, node]) => {
    const running = cluster.start(DEMANDS.find((demand) => demand.name === name)!, node);
    return { node, running };
  });
  await cluster.settle();
  const used = states.map(({ name }) => cluster.used(name));
  cluster.go();
  const begin = performance.now();
  const ends = await Promise.all(containers.map(async ({ node, running }) => {
    return { node, ...await running.ended };
  }));
  const seconds = (performance.now() - begin) / 1000;
  const killed = states.map(({ name }) =>
    ends.filter(({ node, code }) => node === name && code === KILLED).length
  );

  const row = (cells: (string | number)[]) =>
    cells.map((cell, i) => i < 2 ? String(cell).padEnd(i ? 24 : 8) : String(cell).padStart(10))
      .join("");
  stage.show([
    row(["node", "containers (MiB)", "promised", "in use", "killed"]),
    ...states.map(({ name, promised }, i) => {
      const here = DEMANDS.filter((demand) => placed.get(demand.name) === name);
      const list = here.map((demand) => `${demand.name}(${demand.memory})`).join(" ");
      return row([name, list, promised, used[i], killed[i]]);
    }),
    "",
    `the work was done after ${seconds.toFixed(1)} s`,
  ]);
  return {
    killed: killed.reduce((sum, count) => sum + count),
    nodes: states.filter((node) => node.containers > 0).length,
  };
}

async function inTurns(stage: Stage): Promise<void> {
  const { killed } = await tryPolicy(stage, roundRobin);
  stage.expect(killed > 0, {
    en: "nobody was killed",
    zh: "没有容器被杀死",
  });
}

async function spreadOut(stage: Stage): Promise<void> {
  expectAll(stage, await tryPolicy(stage, spread), 3);
}

async function packed(stage: Stage): Promise<void> {
  expectAll(stage, await tryPolicy(stage, pack), 2);
}

function expectAll(stage: Stage, { killed, nodes }: Result, wanted: number): void {
  stage.expect(killed === 0 && nodes === wanted, {
    en: `${killed} were killed, and ${nodes} nodes used`,
    zh: `有 ${killed} 个被杀死，用了 ${nodes} 个节点`,
  });
}
