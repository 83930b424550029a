/**
 * Which module imports which, as Deno itself resolves it.
 *
 * @module
 */

import { project } from "./run_tiffin.ts";

/** One import of a module. */
export interface Import {
  /** The importing module, relative to the project. */
  from: string;
  /** The imported one, relative to the project; elsewhere the specifier as it is written. */
  to: string;
  /** Static imports are loaded with the module, dynamic ones when reached, types never. */
  kind: "static" | "dynamic" | "type";
}

interface Dependency {
  specifier: string;
  code?: { specifier: string };
  type?: { specifier: string };
  isDynamic?: boolean;
}

interface Info {
  modules: { specifier: string; local?: string; dependencies?: Dependency[] }[];
}

/** The paths of the project's files with this ending, relative to it, as git knows them. */
export async function projectFiles(ending: string): Promise<string[]> {
  const listed = await output("git", [
    ...["-C", project, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
  ]).catch(() => output("find", [project, "-type", "f", "-printf", "%P\\0"]));
  return listed.split("\0").filter((path) => path.endsWith(ending)).filter(exists).sort();
}

/** Every import of the given modules. */
export async function imports(modules: string[]): Promise<Import[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const all = modules.map((module) => `import "file://${project}/${module}";\n`).join("");
    await Deno.writeTextFile(entry, all);
    const config = ["--config", `${project}/deno.json`];
    const info: Info = JSON.parse(
      await output(Deno.execPath(), [
        ...["info", "--json", ...config, entry],
      ]),
    );
    return info.modules
      .filter(({ local }) => local?.startsWith(`${project}/`))
      .flatMap((module) => (module.dependencies ?? []).flatMap((one) => edges(module.local!, one)));
  } finally {
    await Deno.remove(entry);
  }
}

function edges(from: string, dependency: Dependency): Import[] {
  const edge = (to: string, kind: Import["kind"]) => ({
    from: relative(from),
    to: to.startsWith(`file://${project}/`) ? relative(to) : dependency.specifier,
    kind,
  });
  const { code, type, isDynamic } = dependency;
  return [
    ...(code ? [edge(code.specifier, isDynamic ? "dynamic" : "static")] : []),
    ...(type ? [edge(type.specifier, "type")] : []),
  ];
}

function relative(path: string): string {
  return path.replace("file://", "").slice(project.length + 1);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(`${project}/${path}`).isFile;
  } catch {
    return false;
  }
}

async function output(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
