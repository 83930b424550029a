/**
 * The code in a lesson's text, run: what is read is what happens.
 *
 * @module
 */

import type { ShellCommand } from "./text.ts";
import { type Outcome, project, type Workshop } from "./workshop.ts";

/** A command that was typed, and whether it did what the text says. */
export interface Typed extends Outcome {
  /** what was typed */
  line: string;
  /** whether output and exit code are those in the text */
  isAsTold: boolean;
}

/** Runs commands, each by a shell of its own, in the workshop's scratch directory. */
export async function runCommands(
  workshop: Workshop,
  commands: readonly ShellCommand[],
): Promise<Typed[]> {
  const typed: Typed[] = [];
  for (const { line, output, code } of commands) {
    const outcome = await workshop.run(["sh", "-c", line]);
    const isAsTold = outcome.code === code && matches(outcome.output, output);
    typed.push({ line, ...outcome, isAsTold });
  }
  return typed;
}

/** Runs a TypeScript program whose imports are meant from the lesson's folder. */
export async function runProgram(
  workshop: Workshop,
  source: string,
  folder: string,
): Promise<Outcome> {
  const file = `${workshop.scratch}/program-${crypto.randomUUID()}.ts`;
  await Deno.writeTextFile(file, absoluteImports(source, folder));
  return await workshop.run(denoRun(file));
}

/** The command that runs a TypeScript file with the project's own settings. */
export function denoRun(file: string): string[] {
  const settings = ["--config", `${project}/deno.json`];
  return [Deno.execPath(), "run", "--quiet", "--allow-all", "--no-check", ...settings, file];
}

/** A program's text with imports that hold wherever it lies. */
export function absoluteImports(source: string, folder: string): string {
  return source.replace(
    /(\bfrom |\bimport\(|\bimport )"(\.\.?\/[^"]+)"/g,
    (_, before, path) => `${before}"${new URL(path, `file://${folder}/`).href}"`,
  );
}

/**
 * Whether an output is the one in a text, where `…` stands for anything within a line and a line
 * `…` for any number of lines. A text without any output leaves it open.
 */
export function matches(output: string, pattern: readonly string[]): boolean {
  if (pattern.length === 0) return true;
  const lines = pattern.map((line) =>
    line === "…" ? "(?:.*\n)*" : `${line.split("…").map(escape).join(".*")}\n`
  );
  return new RegExp(`^${lines.join("")}$`).test(output.replace(/\n?$/, "\n"));
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
