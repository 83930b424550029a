/**
 * Paths in flags: made absolute and short as `@std/path` makes them.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { resolve } from "@std/path/posix/resolve";
import { containerPath, hostPath } from "../../../cli/flags/paths.ts";

const PARTS = ["", ".", "..", "a", "b.c", "...", " ", "é"];

Deno.test("paths are resolved as @std/path resolves them", () => {
  for (const first of PARTS) {
    for (const second of PARTS) {
      for (const third of PARTS) {
        const path = [first, second, third].join("/");
        assertEquals(hostPath(path), resolve(path), path);
        assertEquals(containerPath("x", `/${path}`), resolve(`/${path}`), path);
      }
    }
  }
});
