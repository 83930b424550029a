/**
 * What a start loads: the lists in runtime/plain_start.ts and runtime/oci/plain_create.ts are its
 * budget, and are kept.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { loadedModules } from "../helpers/loaded_modules.ts";
import { type Import, imports, projectFiles } from "../helpers/module_graph.ts";
import { needs } from "../helpers/needs.ts";
import { project, runTiffin } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";

const PLAIN_START = "runtime/plain_start.ts";
const edges = await imports(await projectFiles(".ts"));
const listed = importsOf(PLAIN_START);

/** What comes before it: the door, the command line, and what these two need. */
const BEFORE = [
  "cli/deno_cache.ts",
  "cli/main.ts",
  "cli/run.ts",
  "mod.ts",
  "runtime/data_root.ts",
  "runtime/later.ts",
];

Deno.test("the list of a plain start has what its three doors import, and nothing else", () => {
  const doors = ["runtime/container.ts", "runtime/images/find.ts", "runtime/prepare.ts"];
  assertEquals(behind(doors).filter((module) => !BEFORE.includes(module)), listed);
});

Deno.test("so has the list of an engine's create, with what each of them wants later", () => {
  const late = ["runtime/birth/gate.ts", "runtime/users.ts"];
  const needed = behind(["runtime/oci/create.ts", ...late]);
  assertEquals(needed, importsOf("runtime/oci/plain_create.ts"));
});

Deno.test("an engine's start and delete load nothing of ffi/, which would take most of their time", () => {
  const needed = behind(["cli/oci.ts", "cli/oci/start.ts", "cli/oci/delete.ts"]);
  assertEquals(needed.filter((module) => module.startsWith("ffi/")), []);
});

Deno.test("what a plain start loads is ASCII: V8 gives other text two bytes a letter", async () => {
  const texts = await Promise.all([...listed, PLAIN_START, ...BEFORE].map(async (module) => ({
    module,
    text: await Deno.readTextFile(`${project}/${module}`),
  })));
  // deno-lint-ignore no-control-regex -- all of ASCII
  assertEquals(texts.filter(({ text }) => /[^\x00-\x7f]/.test(text)).map((one) => one.module), []);
});

Deno.test({
  ...needs("a plain start loads what is on the list, and nothing else", { root: true }),
  async fn() {
    await using root = await tempRoot();
    // the first start makes the image, which takes modules of its own
    assertEquals((await runTiffin(PLAIN, { root: `${root.path}/root` })).code, 0);
    const plain = await loadedModules(root.path, PLAIN);
    assertEquals(plain, [...listed, PLAIN_START, ...BEFORE].sort());
    const withFlag = await loadedModules(root.path, ["run", "--network", "none", "local", "true"]);
    assertEquals(withFlag.filter((module) => !plain.includes(module)), [
      "cli/flags/grammar.ts",
      "cli/flags/network.ts",
      "cli/flags/network_table.ts",
      "cli/flags/run_table.ts",
      "cli/flags/values.ts",
      "cli/run_flags.ts",
    ]);
  },
});

const PLAIN = ["run", "local", "true"];

/** These modules, and all that they import. */
function behind(doors: string[]): string[] {
  const needed = new Set(doors);
  for (const module of needed) for (const to of importsOf(module)) needed.add(to);
  return [...needed].sort();
}

function importsOf(module: string): string[] {
  return edges.filter(({ from, kind }: Import) => from === module && kind === "static")
    .map(({ to }) => to).sort();
}
