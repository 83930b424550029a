/**
 * Tiffin's own command line, for processes that are left behind.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { project } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";

Deno.test("it is found in a directory whose name has a space, and letters that are not ASCII", async () => {
  await using root = await tempRoot();
  const directory = `${root.path}/mes projets à moi`;
  Deno.symlinkSync(project, directory);
  const module = new URL(`file://${directory}/runtime/own_command.ts`).href;
  const { ownCommand } = await import(module);
  const { path, args } = ownCommand(root.path, "version");
  const { code, stdout } = await new Deno.Command(path, { args: args.slice(1) }).output();
  assertEquals(code, 0);
  assertStringIncludes(new TextDecoder().decode(stdout), "tiffin");
});
