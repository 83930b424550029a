/**
 * Errors as a person reads them.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { complaintOf } from "../../cli/errors.ts";
import { UsageError } from "../../cli/flags/grammar.ts";
import { Interrupted } from "../../cli/pull_watch.ts";
import { E, SyscallError } from "../../ffi/errno.ts";
import { RegistryError } from "../../runtime/images/registry_error.ts";
import { StoreError } from "../../runtime/images/store.ts";

const root = "/srv/tiffin";
const run = { command: "run", root };
const pull = { command: "pull", root };

Deno.test("run's own failures are 125, those of the other commands 1, as Docker has it", () => {
  const error = new StoreError("blob sha256:1 is damaged");
  const message = "blob sha256:1 is damaged";
  assertEquals(complaintOf(error, run), { message, hints: [], exitCode: 125 });
  assertEquals(complaintOf(error, pull), { message, hints: [], exitCode: 1 });
  assertEquals(complaintOf(error, { root: "" }), { message, hints: [], exitCode: 125 });
});

Deno.test("an error that knows its exit code keeps it", () => {
  assertEquals(complaintOf(new UsageError("unknown flag", 125), pull), {
    message: "unknown flag",
    hints: ["tiffin pull --help shows its flags"],
    exitCode: 125,
  });
  assertEquals(complaintOf(new UsageError("unknown command", 125), { root }).hints, [
    "tiffin help shows the commands",
  ]);
  assertEquals(complaintOf(new Interrupted(2), pull), { message: "", hints: [], exitCode: 130 });
});

Deno.test("where no registry answers there is still the image local", () => {
  const asked = "the manifest of library/alpine:latest";
  const unreachable = new RegistryError("unreachable", "docker.io", asked, "nobody answered");
  assertEquals(complaintOf(unreachable, run), {
    message: `docker.io: asked for ${asked}, but nobody answered`,
    hints: [
      "no registry answers; without a network there is the image local: tiffin run local sh",
    ],
    exitCode: 125,
  });
  assertEquals(complaintOf(new RegistryError("not-found", "h", asked, "no"), run).hints, []);
});

Deno.test("a full disk is named, and not taken for the kernel's other limits", () => {
  const full = new SyscallError("write", "5, …, 4096", E.ENOSPC);
  assertEquals(complaintOf(full, pull).hints, [
    "the disk of /srv/tiffin is full: see df -h and df -i; tiffin image prune and tiffin rmi make room",
  ]);
  assertEquals(complaintOf(new SyscallError("mount", "…", E.ENOSPC), run).hints, []);
  try {
    Deno.writeTextFileSync("/dev/full", "x");
    assert(false);
  } catch (error) {
    const { message, hints } = complaintOf(error, pull);
    assertEquals(message, "writefile '/dev/full': no space left on device");
    assertEquals(hints.length, 1);
  }
});

Deno.test("a data root that is somebody else's is named", () => {
  const denied = new SyscallError("mkdirat", `AT_FDCWD, "${root}/tmp", 0700`, E.EACCES);
  const whose = Deno.uid() === 0 ? "root" : "this user";
  assertEquals(complaintOf(denied, run).hints, [
    `/srv/tiffin is not ${whose}'s to write to: choose another place with --root or TIFFIN_ROOT`,
  ]);
  const elsewhere = new SyscallError("open", '"/etc/shadow", O_RDONLY', E.EACCES);
  assertEquals(complaintOf(elsewhere, run).hints, []);
});

Deno.test("a data root that can be none is named", () => {
  const wrong = { command: "ps", root: "/etc/passwd" };
  try {
    Deno.readDirSync("/etc/passwd/containers");
    assert(false);
  } catch (error) {
    assertEquals(complaintOf(error, wrong).hints, [
      "nothing can be kept in /etc/passwd: choose another directory with --root or TIFFIN_ROOT",
    ]);
  }
  try {
    Deno.mkdirSync("/proc/tiffin/images", { recursive: true });
    assert(false);
  } catch (error) {
    assertEquals(complaintOf(error, { root: "/proc/tiffin" }).hints.length, 1);
  }
});

Deno.test("Deno's own errors read like all others", () => {
  try {
    Deno.openSync("/no/where");
    assert(false);
  } catch (error) {
    assertEquals(complaintOf(error, run).message, "open '/no/where': no such file or directory");
  }
});

Deno.test("a mistake of ours shows where it was made", () => {
  for (const error of [new TypeError("x is undefined"), new RangeError("no"), "a string"]) {
    const { message, hints, exitCode } = complaintOf(error, pull);
    assertEquals(message, "this is a mistake in Tiffin: please report it, with all of these lines");
    assert(hints[0].includes(error instanceof Error ? "errors_test.ts" : "a string"));
    assert(hints[1].includes(Deno.version.deno));
    assertEquals(exitCode, 1);
  }
});

Deno.test("what an image's author wrote acts on no terminal", () => {
  const error = new SyscallError("execve", JSON.stringify("\u009b31mX\u202eY\x7f"), E.ENOENT);
  const { message } = complaintOf(error, run);
  assertEquals(
    message,
    'execve("\\u{9b}31mX\\u{202e}Y\\u{7f}"): ENOENT (no such file or directory)',
  );
});
