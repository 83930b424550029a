/**
 * The examples in doc comments and documents do what they say.
 *
 * A line that ends in a comment, `console.log(code); // 7`, says what it prints.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { projectFiles } from "./helpers/module_graph.ts";
import { needs } from "./helpers/needs.ts";
import { project } from "./helpers/run_tiffin.ts";
import { tempRoot } from "./helpers/temp_root.ts";

/** The files with an example that is not marked `ts ignore`. */
const files: string[] = [];
for (const file of [...await projectFiles(".ts"), ...await projectFiles(".md")]) {
  if (/^[ *]*```ts$/m.test(await text(file))) files.push(file);
}

const promise = /^[ *]*console\.log\(.*\); \/\/ (.*)$/gm;

for (const file of files) {
  Deno.test({
    // what is above ffi/ starts containers
    ...needs(`the examples in ${file}`, file.startsWith("ffi/") ? {} : { root: true }),
    async fn() {
      await using root = await tempRoot();
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["test", "--doc", "--allow-all", "--no-check", `${project}/${file}`],
        env: { TIFFIN_ROOT: root.path, NO_COLOR: "1" },
      }).output();
      const output = new TextDecoder().decode(stdout);
      assertEquals(success, true, output + new TextDecoder().decode(stderr));
      const printed = [
        ...output.matchAll(
          /^-+ (?:post-test )?output -+\n([^]*?)^-+ (?:post-test )?output end -+$/gm,
        ),
      ];
      assertEquals(
        printed.map(([, lines]) => lines).join(""),
        [...(await text(file)).matchAll(promise)].map(([, line]) => `${line}\n`).join(""),
      );
    },
  });
}

function text(path: string): Promise<string> {
  return Deno.readTextFile(`${project}/${path}`);
}
