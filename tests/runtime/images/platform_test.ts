/**
 * Which of an index's manifests is for this machine.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import type { Descriptor } from "../../../runtime/images/manifest.ts";
import {
  choosePlatform,
  formatPlatform,
  hostPlatform,
  parsePlatform,
} from "../../../runtime/images/platform.ts";

function choose(offered: string[], wanted: string): string | undefined {
  const manifests = offered.map((text): Descriptor => {
    const [os, architecture, variant] = text.split("/");
    return { mediaType: "", digest: text, size: 0, platform: { os, architecture, variant } };
  });
  return choosePlatform(manifests, parsePlatform(wanted))?.digest;
}

Deno.test("the platform that fits best is chosen", () => {
  const all = [
    "windows/amd64",
    "unknown/unknown",
    "linux/amd64",
    "linux/arm/v6",
    "linux/arm/v7",
    "linux/arm64/v8",
  ];
  const cases: [wanted: string, chosen: string | undefined][] = [
    ["linux/amd64", "linux/amd64"],
    ["x86_64", "linux/amd64"],
    ["arm64", "linux/arm64/v8"],
    ["linux/aarch64", "linux/arm64/v8"],
    ["linux/arm64/v8", "linux/arm64/v8"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/arm/v6", "linux/arm/v6"],
    ["linux/arm/v5", undefined],
    ["linux/s390x", undefined],
  ];
  for (const [wanted, chosen] of cases) assertEquals(choose(all, wanted), chosen, wanted);
  assertEquals(choose(["linux/amd64/v3", "linux/amd64"], "amd64"), "linux/amd64");
  assertEquals(
    choose(["linux/amd64", "linux/amd64/v2", "linux/amd64/v3"], "linux/amd64/v2"),
    "linux/amd64/v2",
  );
  assertEquals(choose(["linux/arm64"], "linux/arm64/v8"), "linux/arm64");
  assertEquals(
    choose(["linux/amd64"], hostPlatform().architecture) !== undefined,
    Deno.build.arch === "x86_64",
  );
});

Deno.test("a manifest without a platform is chosen only if it is alone", () => {
  const bare = { mediaType: "", digest: "bare", size: 0 };
  assertEquals(choosePlatform([bare], hostPlatform()), bare);
  assertEquals(choosePlatform([bare, bare], hostPlatform()), undefined);
});

Deno.test("platforms are read as they are written", () => {
  assertEquals(formatPlatform(parsePlatform("linux/arm/v7")), "linux/arm/v7");
  assertEquals(formatPlatform(parsePlatform("ARM64")), "linux/arm64");
  for (const wrong of ["", "windows/amd64", "linux/", "linux/a/b/c", "linux/a b"]) {
    assertThrows(() => parsePlatform(wrong), TypeError, "is not linux/ARCHITECTURE");
  }
});
