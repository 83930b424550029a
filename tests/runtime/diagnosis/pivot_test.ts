/**
 * pivot_root(2), with each of its rules broken in turn.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { MS } from "../../../ffi/constants.ts";
import type { Program } from "../../../ffi/program.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { provoke } from "./held.ts";

function bind(program: Program, path: string): void {
  program.call("").mount(path, path, null, MS.BIND | MS.REC, null);
}

Deno.test({
  ...needs("pivot_root: the new root is not a mount point", { root: true }),
  async fn() {
    await using root = await tempRoot();
    const error = await provoke((program) => {
      program.call("").mount("tmpfs", root.path, "tmpfs", 0, null);
      program.call("").mkdir(`${root.path}/new`, 0o755);
      program.call("").chdir(`${root.path}/new`);
      program.call("").pivot_root(".", ".");
    });
    assertEquals(
      error.message,
      `the test: pivot_root(".", "."): EINVAL (invalid argument): the new root ${root.path}/new is ` +
        "not a mount point; bind it onto itself first: mount(dir, dir, NULL, MS_BIND|MS_REC, NULL)",
    );
    assertEquals([error.exitCode, error.phase], [125, "the test"]);
    assertEquals([error.cause.code, error.step.name], ["EINVAL", "pivot_root"]);
  },
});

Deno.test({
  ...needs("pivot_root: the new root is a directory of the present one's", { root: true }),
  async fn() {
    await using root = await tempRoot();
    const error = await provoke((program) => {
      program.call("").chdir(root.path);
      program.call("").pivot_root(".", ".");
    });
    assertStringIncludes(
      error.message,
      `: the new root ${root.path} is not a mount point; bind it`,
    );
  },
});

Deno.test({
  ...needs("pivot_root: mounts are shared", { root: true }),
  async fn() {
    await using root = await tempRoot();
    const error = await provoke((program) => {
      program.call("").mount(null, "/", null, MS.REC | MS.SHARED, null);
      bind(program, root.path);
      program.call("").chdir(root.path);
      program.call("").pivot_root(".", ".");
    });
    assertStringIncludes(error.message, `the mount at ${root.path} is shared`);
    assertStringIncludes(error.message, "cut it off first: mount(NULL");
  },
});

Deno.test({
  ...needs("pivot_root: only the mount above is shared", { root: true }),
  async fn() {
    await using root = await tempRoot();
    const error = await provoke((program) => {
      bind(program, root.path);
      program.call("").mount(null, root.path, null, MS.SHARED, null);
      program.call("").mkdir(`${root.path}/new`, 0o755);
      bind(program, `${root.path}/new`);
      program.call("").mount(null, `${root.path}/new`, null, MS.PRIVATE, null);
      program.call("").chdir(`${root.path}/new`);
      program.call("").pivot_root(".", ".");
    });
    assertStringIncludes(error.message, `the mount at ${root.path} is shared`);
  },
});

Deno.test({
  ...needs("pivot_root: from a chroot", { root: true }),
  async fn() {
    await using root = await tempRoot();
    await Deno.mkdir(`${root.path}/jail/new`, { recursive: true });
    const error = await provoke((program) => {
      program.call("").mount("proc", "/proc", "proc", 0, null);
      program.call("").chroot(`${root.path}/jail`);
      program.call("").chdir("/new");
      program.call("").mount("tmpfs", "/new", "tmpfs", 0, null);
      program.call("").chdir("/new");
      program.call("").pivot_root(".", ".");
    });
    assertStringIncludes(error.message, "the present root directory is not a mount point");
  },
});

Deno.test({
  ...needs("pivot_root: the old root's place is elsewhere", { root: true }),
  async fn() {
    await using root = await tempRoot();
    await Deno.mkdir(`${root.path}/new`);
    await Deno.mkdir(`${root.path}/old`);
    const error = await provoke((program) => {
      program.call("").mount("tmpfs", `${root.path}/new`, "tmpfs", 0, null);
      program.call("").mount("tmpfs", `${root.path}/old`, "tmpfs", 0, null);
      program.call("").pivot_root(`${root.path}/new`, `${root.path}/old`);
    });
    assertStringIncludes(
      error.message,
      `the place for the old root, ${root.path}/old, is not below the new root ${root.path}/new`,
    );
  },
});

Deno.test({
  ...needs("pivot_root: onto the root itself", { root: true }),
  async fn() {
    const error = await provoke((program) => {
      program.call("").chdir("/");
      program.call("").pivot_root(".", ".");
    });
    assertStringIncludes(error.message, "EBUSY (device or resource busy): the new root /, or");
  },
});

Deno.test({
  ...needs("pivot_root: onto a file", { root: true }),
  async fn() {
    await using root = await tempRoot();
    await Deno.writeTextFile(`${root.path}/file`, "");
    const error = await provoke((program) => {
      program.call("").pivot_root(`${root.path}/file`, root.path);
    });
    assertStringIncludes(error.message, `ENOTDIR (not a directory): ${root.path}/file is not a`);
  },
});
