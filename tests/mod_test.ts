/**
 * The door: mod.ts as a program of its own.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { needs } from "./helpers/needs.ts";
import { project } from "./helpers/run_tiffin.ts";
import { tempRoot } from "./helpers/temp_root.ts";

Deno.test({
  ...needs("mod.ts runs by its first line, whose settings this V8 knows", { programs: ["deno"] }),
  async fn() {
    await using root = await tempRoot();
    const command = new Deno.Command(`${project}/mod.ts`, {
      args: ["images", "--quiet"],
      env: { DENO_DIR: `${root.path}/deno`, DENO_NO_UPDATE_CHECK: "1", TIFFIN_ROOT: root.path },
    });
    const { code, stdout, stderr } = await command.output();
    const text = new TextDecoder();
    assertEquals({ code, stdout: text.decode(stdout), stderr: text.decode(stderr) }, {
      code: 0,
      stdout: "",
      stderr: "",
    });
  },
});

Deno.test({
  ...needs("functions are compiled once: the next start reads them back", { programs: ["deno"] }),
  async fn() {
    await using root = await tempRoot();
    const log = `${root.path}/v8.log`;
    const [line] = (await Deno.readTextFile(`${project}/mod.ts`)).split("\n", 1);
    const [program, ...flags] = line.slice(line.indexOf("deno")).split(" ");
    const compiled = async () => {
      const tell = `,--log-function-events,--logfile=${log},--no-logfile-per-isolate`;
      const { success } = await new Deno.Command(program, {
        args: [...flags.map((flag) => flag.startsWith("--v8-flags") ? flag + tell : flag)]
          .concat(`${project}/mod.ts`, "images"),
        env: { DENO_DIR: `${root.path}/deno`, DENO_NO_UPDATE_CHECK: "1", TIFFIN_ROOT: root.path },
        stdout: "null",
      }).output();
      assertEquals(success, true);
      const events = (await Deno.readTextFile(log)).split("\n");
      const ours = new Set(
        events.filter((event) => event.startsWith("script-details,") && event.includes(project))
          .map((event) => event.split(",")[1]),
      );
      return events.filter((event) => event.startsWith("function,interpreter,"))
        .filter((event) => ours.has(event.split(",")[2])).length;
    };
    const first = await compiled();
    assertEquals([first > 100, await compiled()], [true, 0]);
  },
});
