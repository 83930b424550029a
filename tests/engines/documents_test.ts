/**
 * The configurations in docs/engines.md are understood by the engines that they are for.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { needs } from "../helpers/needs.ts";
import { project } from "../helpers/run_tiffin.ts";
import { tempRoot } from "../helpers/temp_root.ts";

/** The code in the document that is in a language and has a word in it. */
async function code(language: string, word: string): Promise<string> {
  const text = await Deno.readTextFile(`${project}/docs/engines.md`);
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, "gm"));
  return [...blocks].map(([, block]) => block).find((block) => block.includes(word)) ?? "";
}

async function run(program: string, args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { code, text };
}

Deno.test({
  ...needs("containerd takes the handler for Kubernetes as it is meant", {
    programs: ["containerd"],
  }),
  async fn() {
    await using root = await tempRoot();
    const file = `${root.path}/config.toml`;
    await Deno.writeTextFile(file, await code("toml", "grpc.v1.cri"));
    const { code: status, text } = await run("containerd", ["--config", file, "config", "dump"]);
    assertEquals(status, 0, text);
    assertMatch(
      text,
      /runtimes\.tiffin\.options\]\n\s+BinaryName = "\/usr\/local\/bin\/tiffin-oci"/,
    );
  },
});

Deno.test("Docker's and the cluster's names lead to one file", async () => {
  const { runtimes } = JSON.parse(await code("json", "runtimes"));
  assertEquals(runtimes.tiffin.path, "/usr/local/bin/tiffin-oci");
  assertMatch(await code("yaml", "RuntimeClass"), /^handler: tiffin$/m);
  assertMatch(await code("toml", "grpc.v1.cri"), /runtimes\.tiffin\]$/m);
});
