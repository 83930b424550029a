/**
 * A second opinion on tar: what @std/tar reads of an archive, where JSR can be reached.
 *
 * It runs in a Deno of its own, with a specifier that nobody sees before: nothing else fetches it.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { TarReader } from "../../../runtime/images/tar.ts";
import { encodeHeader, END_OF_ARCHIVE, padding } from "../../../runtime/images/tar_writer.ts";

/** Prints the archive on its standard input as `[name, content]` pairs. */
const SECOND_READER = `
const { UntarStream } = await import("jsr:" + "@std/tar@0.1");
const entries = [];
for await (const { path, readable } of Deno.stdin.readable.pipeThrough(new UntarStream())) {
  entries.push([path, readable ? await new Response(readable).text() : ""]);
}
console.log(JSON.stringify(entries));
`;

/** What @std/tar reads; undefined where it cannot be had. */
async function secondOpinion(archive: Uint8Array): Promise<[string, string][] | undefined> {
  const script = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(script, SECOND_READER);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", "--no-lock", "--no-config", script],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(20_000),
    }).spawn();
    const writer = child.stdin.getWriter();
    // a Deno that finds no such module has ended before it reads
    await writer.write(archive).then(() => writer.close()).catch(() => {});
    const { success, stdout } = await child.output();
    return success ? JSON.parse(new TextDecoder().decode(stdout)) : undefined;
  } finally {
    await Deno.remove(script);
  }
}

function makeArchive(files: [string, string][]): Uint8Array<ArrayBuffer> {
  const parts = files.flatMap(([name, content]) => {
    const bytes = new TextEncoder().encode(content);
    const entry = { name, type: "file", size: bytes.length } as const;
    return [encodeHeader(entry), bytes, new Uint8Array(padding(bytes.length))];
  });
  return new Uint8Array([...parts, END_OF_ARCHIVE].flatMap((part) => [...part]));
}

function ownOpinion(archive: Uint8Array): [string, string][] {
  const entries: [string, string][] = [];
  const reader = new TarReader({
    entry: ({ name }) => entries.push([name, ""]),
    data: (bytes) => entries.at(-1)![1] += new TextDecoder().decode(bytes),
    close: () => {},
  });
  reader.write(archive);
  reader.finish();
  return entries;
}

const FILES: [string, string][] = [
  ["plain", "text\n"],
  ["empty", ""],
  ["a/directory/and/a/file", "x".repeat(1500)],
  ["block", "y".repeat(512)],
];
const archive = makeArchive(FILES);
const second = await secondOpinion(archive);

Deno.test("our reader finds what was written", () => {
  assertEquals(ownOpinion(archive), FILES);
});

Deno.test({
  name: `@std/tar finds the same${second ? "" : " (needs JSR, which is not reachable)"}`,
  ignore: !second,
  fn: () => assertEquals(second, FILES),
});
