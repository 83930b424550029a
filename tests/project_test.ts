/**
 * The project keeps its own rules: floors, lengths, comments, and documents that are true.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { loadedModules } from "./helpers/loaded_modules.ts";
import { type Import, imports, projectFiles } from "./helpers/module_graph.ts";
import { project } from "./helpers/run_tiffin.ts";
import { tempRoot } from "./helpers/temp_root.ts";

const modules = await projectFiles(".ts");
const edges = await imports(modules);
const config = JSON.parse(await text("deno.json"));

/** From the ground up; what is not named here (tests, benches) stands on the roof. */
const floors = ["ffi/", "runtime/", "lessons/", "cli/", "mod.ts"];

Deno.test("no import goes up a floor", () => {
  const floor = (path: string) => {
    const index = floors.findIndex((prefix) => path.startsWith(prefix));
    return index === -1 ? floors.length : index;
  };
  const inside = edges.filter(({ to }) => modules.includes(to) && to !== "std.d.ts");
  assertEquals(inside.filter(({ from, to }) => floor(to) > floor(from)).map(arrow), []);
});

Deno.test("no import goes round in a circle", () => {
  const next = new Map<string, string[]>();
  for (const { from, to, kind } of edges) {
    if (kind !== "type") next.set(from, [...(next.get(from) ?? []), to]);
  }
  assertEquals(modules.map((module) => circle(module, next)).filter((path) => path !== ""), []);
});

Deno.test("what `run` loads imports nothing slow with it", async () => {
  await using root = await tempRoot();
  const loaded = await loadedModules(root.path, ["run", "--explain", "local", "true"]);
  const slow = edges.filter(({ from, to, kind }) =>
    loaded.includes(from) && kind === "static" && !modules.includes(to)
  );
  assertEquals(slow.map(arrow), []);
});

Deno.test("ffi/ and runtime/ print nothing and read no command line", async () => {
  const low = modules.filter((module) => /^(ffi|runtime)\//.test(module));
  // examples in doc comments may print
  const output = /^(?!\s*\/?\*).*(\bconsole\.(?!ts\b)|\bDeno\.args\b|\bDeno\.std(out|err)\.write)/;
  assertEquals(await linesWith(low, output), []);
});

Deno.test("a module is a few hundred lines at the most", async () => {
  const counts = await Promise.all(modules.map(async (module) => ({
    module,
    lines: (await text(module)).split("\n").length - 1,
  })));
  // a test is read one case at a time, and its cases belong together; a table is looked up
  const limit = (module: string) =>
    module.startsWith("tests/") ? 500 : module === "ffi/constants.ts" ? 400 : 350;
  assertEquals(counts.filter(({ module, lines }) => lines > limit(module)), []);
});

Deno.test("a module begins with a comment that says what it is", async () => {
  const silent = await filter(modules, async (module) => {
    const comment = (await text(module)).match(/^(?:#!.*\n)?\/\*\*([^]*?)\*\//)?.[1] ?? "";
    return module === "std.d.ts" ? comment === "" : !comment.includes("@module");
  });
  assertEquals(silent, []);
});

Deno.test("nothing is left to be done later", async () => {
  const words = new RegExp(["TO" + "DO", "FIX" + "ME", "for" + " now"].join("|"));
  assertEquals(await linesWith(modules, words), []);
});

Deno.test("the doc comments of the library are complete", async () => {
  const command = new Deno.Command(Deno.execPath(), { args: ["task", "doc"], cwd: project });
  const { success, stderr } = await command.output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
});

Deno.test("the documents name only files that exist", async () => {
  const path = /\b(?:ffi|runtime|cli|lessons|tests|bench|docs)\/[\w./-]*\.(?:ts|md|json)\b/g;
  const link = /\]\(([^)#:]+)(?:#[^)]*)?\)/g;
  const dead: string[] = [];
  for (const document of await projectFiles(".md")) {
    const content = await text(document);
    const named = [...content.matchAll(path)].map(([name]) => name);
    const folder = document.includes("/") ? document.replace(/[^/]*$/, "") : "";
    const linked = [...content.matchAll(link)].map(([, target]) => `${folder}${target}`);
    for (const name of [...named, ...linked]) {
      const there = await Deno.stat(`${project}/${name}`).catch(() => undefined);
      if (!there) dead.push(`${document}: ${name}`);
    }
  }
  assertEquals(dead, []);
});

Deno.test("every part of @std that is mapped has types, and is used", async () => {
  const mapped = Object.keys(config.imports).sort();
  const typed = (await text("std.d.ts")).matchAll(/^declare module "(.*)"/gm);
  assertEquals([...typed].map(([, name]) => name).sort(), mapped);
  const used = new Set(edges.filter(({ from }) => from !== "std.d.ts").map(({ to }) => to));
  assertEquals(mapped.filter((name) => !used.has(name)), []);
});

Deno.test("every task says what it is for", () => {
  const tasks: [string, { description?: string }][] = Object.entries(config.tasks);
  assertEquals(tasks.filter(([, { description }]) => !description).map(([name]) => name), []);
});

Deno.test("the lock file names no host", async () => {
  assertEquals(await linesWith(["deno.lock"], /:\/\//), []);
});

/** The way from a module back to itself, or nothing. */
function circle(start: string, next: Map<string, string[]>): string {
  const seen = new Set<string>();
  const walk = (module: string, path: string[]): string[] | undefined => {
    if (path.length > 0 && module === start) return [...path, module];
    if (seen.has(module)) return undefined;
    seen.add(module);
    for (const to of next.get(module) ?? []) {
      const found = walk(to, [...path, module]);
      if (found) return found;
    }
  };
  return walk(start, [])?.join(" → ") ?? "";
}

function arrow({ from, to }: Import): string {
  return `${from} → ${to}`;
}

async function linesWith(files: string[], pattern: RegExp): Promise<string[]> {
  const found = await Promise.all(files.map(async (file) =>
    (await text(file)).split("\n")
      .map((line, index) => ({ line, where: `${file}:${index + 1}` }))
      .filter(({ line }) => pattern.test(line))
      .map(({ line, where }) => `${where}: ${line.trim()}`)
  ));
  return found.flat();
}

async function filter<T>(list: T[], keep: (item: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(list.map(keep));
  return list.filter((_, index) => kept[index]);
}

function text(path: string): Promise<string> {
  return Deno.readTextFile(`${project}/${path}`);
}
