/**
 * A spec that is changed at random, always in the same way.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertGreater } from "@std/assert/greater";
import { parseSpec, SpecError, stringifySpec, validateSpec } from "../../runtime/validate.ts";
import { chance } from "../helpers/chance.ts";
import { wholeSpec } from "./spec_samples.ts";

Deno.test("whatever is done to a spec, it is accepted or refused, and nothing else happens", () => {
  const random = chance(20240229);
  const paths = new Set<string>();
  let accepted = 0;
  for (let round = 0; round < 20_000; round++) {
    const spec = wholeSpec() as unknown;
    const mutations = 1 + Math.floor(random() * 3);
    for (let i = 0; i < mutations; i++) mutate(spec, random);
    try {
      const good = validateSpec(spec);
      accepted++;
      const written = stringifySpec(parseSpec(stringifySpec(good)));
      assertEquals(stringifySpec(parseSpec(written)), written);
    } catch (error) {
      if (!(error instanceof SpecError)) throw error;
      paths.add(error.path.replace(/\[.*?\]/g, "[]"));
    }
  }
  assertGreater(accepted, 1000);
  assertGreater(paths.size, 150);
});

/** Values that a field may not expect. */
const ODD: unknown[] = [
  ...[null, undefined, true, "", "x", "a\0b", "/abs", "..", "\ud800", 0, -1, 1.5, NaN, Infinity],
  ...[2 ** 31, 2 ** 53, 2 ** 64, 1e300, 5n, -5n, [], {}, [null], [[]], { path: null }],
  ...["SCMP_ACT_NOTIFY", "user", "CAP_SYS_ADMIN", "0-3", "__proto__", Symbol("s"), () => 0],
];

/** One change somewhere: a value replaced, removed, doubled or added. */
function mutate(root: unknown, random: () => number): void {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  let parent = root as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(parent);
    const key = pick(keys);
    if (key === undefined) return;
    const child = parent[key];
    const isLeaf = typeof child !== "object" || child === null;
    if (!isLeaf && random() < 0.9) {
      parent = child as Record<string, unknown>;
      continue;
    }
    const what = random();
    if (what < 0.6) parent[key] = pick(ODD);
    else if (what < 0.75) delete parent[key];
    else if (what < 0.9 && Array.isArray(parent)) parent.push(child);
    else parent[pick(["type", "path", "0", "99", "extra", "value"])] = pick(ODD);
    return;
  }
}
