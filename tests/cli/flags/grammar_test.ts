/**
 * Docker's grammar: what is a flag, what its value, and where the flags end.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertNotEquals } from "@std/assert/not-equals";
import { assertThrows } from "@std/assert/throws";
import { parseArgs } from "@std/cli/parse-args";
import { type FlagTable, HelpWanted, parseFlags, UsageError } from "../../../cli/flags/grammar.ts";

const TABLE = {
  env: { short: "e", value: "KEY", many: true, help: "" },
  name: { value: "NAME", help: "" },
  memory: { short: "m", value: "SIZE", help: "" },
  "memory-swap": { value: "SIZE", help: "" },
  interactive: { short: "i", help: "" },
  tty: { short: "t", help: "" },
  rm: { help: "" },
  explain: { value: "FORM", bare: "text", help: "" },
} as const satisfies FlagTable;

const HIDDEN = {
  nom: { alias: "name" },
  publish: { short: "p", refused: "there is no bridge" },
} as const;

function run(...args: string[]) {
  const { flags, operands } = parseFlags(args, TABLE, { stopEarly: true, hidden: HIDDEN });
  return [flags, ...operands];
}

function errorOf(...args: string[]): string {
  const error = assertThrows(() => run(...args), UsageError);
  assertEquals(error.exitCode, 125);
  return error.message;
}

Deno.test("a value is the next word, or what follows the =", () => {
  assertEquals(run("--name", "a", "image"), [{ name: "a" }, "image"]);
  assertEquals(run("--name=a", "image"), [{ name: "a" }, "image"]);
  assertEquals(run("--name=a=b", "image"), [{ name: "a=b" }, "image"]);
  assertEquals(run("--name=", "image"), [{ name: "" }, "image"]);
  assertEquals(run("--name", "", "image"), [{ name: "" }, "image"]);
});

Deno.test("the next word is the value whatever it looks like", () => {
  assertEquals(run("--memory-swap", "-1", "image"), [{ "memory-swap": "-1" }, "image"]);
  assertEquals(run("-e", "--rm", "image"), [{ env: ["--rm"] }, "image"]);
  assertEquals(run("--name", "--", "image"), [{ name: "--" }, "image"]);
});

Deno.test("a short flag's value may touch it", () => {
  for (const words of [["-m", "32m"], ["-m32m"], ["-m=32m"]]) {
    assertEquals(run(...words, "image"), [{ memory: "32m" }, "image"]);
  }
  assertEquals(run("-eA=b", "-e=A=b", "image"), [{ env: ["A=b", "A=b"] }, "image"]);
});

Deno.test("short flags stand in clusters, the last of which may have a value", () => {
  assertEquals(run("-it", "image"), [{ interactive: true, tty: true }, "image"]);
  assertEquals(run("-itm", "1g", "image"), [
    { interactive: true, tty: true, memory: "1g" },
    "image",
  ]);
  assertEquals(run("-itm1g", "image"), [{ interactive: true, tty: true, memory: "1g" }, "image"]);
  assertEquals(run("-it=false", "image"), [{ interactive: true, tty: false }, "image"]);
});

Deno.test("a switch takes a value only after the =", () => {
  assertEquals(run("--rm", "false"), [{ rm: true }, "false"]);
  for (const word of ["1", "t", "T", "true", "TRUE", "True"]) {
    assertEquals(run(`--rm=${word}`, "image"), [{ rm: true }, "image"]);
  }
  for (const word of ["0", "f", "F", "false", "FALSE", "False"]) {
    assertEquals(run(`--rm=${word}`, "image"), [{ rm: false }, "image"]);
  }
  assertEquals(errorOf("--rm=maybe"), '--rm: a switch is true or false, not "maybe"');
  assertEquals(errorOf("-t=", "image"), '-t: a switch is true or false, not ""');
});

Deno.test("a value that may be left out takes none from the next word", () => {
  assertEquals(run("--explain", "json"), [{ explain: "text" }, "json"]);
  assertEquals(run("--explain=json", "image"), [{ explain: "json" }, "image"]);
});

Deno.test("of a flag that is repeated the last counts, or all do", () => {
  assertEquals(run("--name=a", "--name=b", "--rm", "--rm=0"), [{ name: "b", rm: false }]);
  assertEquals(run("-e", "A", "--env", "B", "-e=C"), [{ env: ["A", "B", "C"] }]);
});

Deno.test("the flags end at the first operand, or at --", () => {
  assertEquals(run("image", "sh", "-c", "--rm", "--", "x"), [
    {},
    "image",
    "sh",
    "-c",
    "--rm",
    "--",
    "x",
  ]);
  assertEquals(run("--rm", "--", "--name", "x"), [{ rm: true }, "--name", "x"]);
  assertEquals(run("-", "--rm"), [{}, "-", "--rm"]);
});

Deno.test("where commands do not nest, flags may stand behind operands", () => {
  const { flags, operands } = parseFlags(["a", "--rm", "b", "--", "--name"], TABLE);
  assertEquals({ flags, operands }, { flags: { rm: true }, operands: ["a", "b", "--name"] });
});

Deno.test("another name is as good, and a refused one says why", () => {
  assertEquals(run("--nom", "a"), [{ name: "a" }]);
  assertEquals(errorOf("--publish=80:80"), "--publish: there is no bridge");
  assertEquals(errorOf("-p", "80:80"), "-p: there is no bridge");
  assertEquals(errorOf("-ip80:80"), "-p: there is no bridge");
});

Deno.test("an unknown flag brings the nearest", () => {
  assertEquals(errorOf("--memry=3"), 'unknown flag "--memry"; did you mean "--memory"?');
  assertEquals(errorOf("--zzzzzz"), 'unknown flag "--zzzzzz"');
  assertEquals(errorOf("-x"), 'unknown flag "-x"');
  assertEquals(errorOf("-itx"), 'unknown flag "-x" in "-itx"');
  assertEquals(errorOf("-name"), 'unknown flag "-n" in "-name"; did you mean "--name"?');
  assertEquals(errorOf("--constructor"), 'unknown flag "--constructor"');
  assertEquals(errorOf("--__proto__=1"), 'unknown flag "--__proto__"');
  assertEquals(errorOf("--\x1b[31m"), String.raw`unknown flag "--\u001b[31m"`);
});

Deno.test("a value that is missing is asked for", () => {
  assertEquals(errorOf("--name"), "--name needs a value: --name NAME");
  assertEquals(errorOf("-itm"), "-m needs a value: -m SIZE");
});

Deno.test("--help is wanted anywhere before the command's own command", () => {
  assertThrows(() => run("--rm", "--help"), HelpWanted);
  assertThrows(() => run("-h"), HelpWanted);
  assertEquals(run("image", "--help"), [{}, "image", "--help"]);
  const table = { hostname: { short: "h", value: "NAME", help: "" } } as const;
  const error = assertThrows(() => parseFlags(["-h"], table), UsageError);
  assertEquals(error.message, "-h needs a value: -h NAME; for help, write --help");
});

Deno.test("@std/cli/parse-args still reads other things from the same words", () => {
  const options = {
    string: ["_", "e", "memory-swap", "name"],
    boolean: ["rm"],
    stopEarly: true,
  } as const;
  assertNotEquals(parseArgs(["--memory-swap", "-1", "image"], options)["memory-swap"], "-1");
  assertNotEquals(parseArgs(["-eA=b", "image"], options).e, "A=b");
  assertNotEquals(parseArgs(["--rm=0", "image"], options).rm, false);
  assertNotEquals(parseArgs(["--rm", "true"], options)._, ["true"]);
  assertNotEquals(parseArgs(["image", "sh", "--", "x"], options)._, ["image", "sh", "--", "x"]);
  assertNotEquals(parseArgs(["--name=", "image"], options)._, ["image"]);
});
