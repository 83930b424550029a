/**
 * What an image and the options say about the process, by Docker's rules.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertGreater } from "@std/assert/greater";
import { assertThrows } from "@std/assert/throws";
import {
  ImageConfigError,
  type ImageDefaults,
  INIT_PATH,
  type RunOptions,
  specFromImage,
} from "../../../runtime/image_config.ts";
import { checkedDefaults } from "../../../runtime/image_config/checked.ts";
import { SpecError, validateSpec } from "../../../runtime/validate.ts";
import { image, make, options } from "./samples.ts";

Deno.test("entrypoint and command are put together by Docker's rules", () => {
  const args = (config: ImageDefaults | null, changes: Partial<RunOptions>) =>
    make(config, changes).process?.args;
  const both = { Entrypoint: ["entry", "-x"], Cmd: ["cmd"] };
  assertEquals(args(both, {}), ["entry", "-x", "cmd"]);
  assertEquals(args(both, { command: [] }), ["entry", "-x", "cmd"]);
  assertEquals(args(both, { command: ["mine"] }), ["entry", "-x", "mine"]);
  assertEquals(args(both, { entrypoint: ["mine"] }), ["mine"]);
  assertEquals(args(both, { entrypoint: ["mine"], command: ["a", ""] }), ["mine", "a", ""]);
  assertEquals(args(both, { entrypoint: [""], command: ["a"] }), ["a"]);
  assertEquals(args({ Entrypoint: null, Cmd: ["cmd"] }, {}), ["cmd"]);
  assertEquals(args(null, { command: ["a"] }), ["a"]);
  const missing = "the image names no command, so one must be given";
  assertThrows(() => args(null, {}), ImageConfigError, missing);
  assertThrows(() => args(both, { entrypoint: [] }), ImageConfigError, missing);
});

Deno.test("the environment is Docker's, then the image's, then the user's", () => {
  const env = (config: ImageDefaults, changes: Partial<RunOptions> = {}) =>
    make({ Cmd: ["sh"], ...config }, changes).process?.env;
  assertEquals(
    env({ Env: ["LANG=C", "PATH=/bin", "EMPTY="] }, {
      env: ["LANG=de_DE", "NEW=a=b"],
      terminal: true,
      hostname: "box",
      domainname: "example.org",
    }),
    [
      ...["PATH=/bin", "HOSTNAME=box.example.org", "TERM=xterm", "LANG=de_DE", "EMPTY=", "NEW=a=b"],
      "HOME=/root",
    ],
  );
  assertEquals(env({ Env: ["HOME=/h"] }, { env: ["PATH", "HOSTNAME"] }), ["HOME=/h"]);
  const resolvedUser = { uid: 0, gid: 0, additionalGids: [], home: "" };
  assertEquals(env({ Env: ["HOME="] }, { resolvedUser })?.at(-1), "HOME=/");
});

Deno.test("another user than root has its groups, and a bounding set alone", () => {
  const { process } = make({ Cmd: ["sh"] }, {
    resolvedUser: { uid: 33, gid: 33, additionalGids: [4, 33], home: "/var/www" },
    groupAdd: [20, 4],
    capAdd: ["NET_ADMIN"],
    capDrop: ["ALL"],
  });
  assertEquals(process?.user, { uid: 33, gid: 33, umask: 0o22, additionalGids: [33, 4, 20] });
  assertEquals(process?.capabilities, { bounding: ["CAP_NET_ADMIN"] });
  assertEquals(process?.env?.at(-1), "HOME=/var/www");
});

Deno.test("the working directory is the user's, the image's, or the root", () => {
  const cwd = (WorkingDir: string | null, workdir?: string) =>
    make({ Cmd: ["sh"], WorkingDir }, { workdir }).process?.cwd;
  assertEquals([cwd(null), cwd(""), cwd("/srv"), cwd("srv")], ["/", "/", "/srv", "/srv"]);
  assertEquals(cwd("/srv", "/mine"), "/mine");
  assertThrows(() => cwd("/srv", "mine"), SpecError, "process.cwd: must be an absolute path");
});

Deno.test("a program of the host's can be PID 1 of a PID namespace that is new", () => {
  const { process, mounts } = make({ Cmd: ["sh"] }, { init: "/usr/bin/tini-static" });
  assertEquals(process?.args, [INIT_PATH, "--", "sh"]);
  assertEquals(mounts?.at(-1), {
    destination: INIT_PATH,
    type: "bind",
    source: "/usr/bin/tini-static",
    options: ["bind", "ro"],
  });
  const shared = make({ Cmd: ["sh"] }, { init: "/usr/bin/tini-static", pid: "host" });
  assertEquals(shared.process?.args, ["sh"]);
  assertEquals(shared.mounts?.some(({ destination }) => destination === INIT_PATH), false);
});

Deno.test("a field of the image's that is not what it should be is named", () => {
  const message = (config: unknown) =>
    assertThrows(() => checkedDefaults(config as ImageDefaults), ImageConfigError).message;
  assertEquals(message([]), "the image's config: config: must be an object, got a list");
  assertEquals(
    message({ Env: ["A=1", 5] }),
    "the image's config: config.Env[1]: must be a string, got 5",
  );
  assertEquals(message({ Cmd: "sh" }), 'the image\'s config: config.Cmd: must be a list, got "sh"');
  assertEquals(
    message({ Entrypoint: ["a\0b"] }),
    "the image's config: config.Entrypoint[0]: must not contain a NUL byte",
  );
});

Deno.test("a hostile image makes a good spec or an error that names it, nothing else", () => {
  const odd = [null, 0, -1, "", "x", "=", "A=\0", "\ud800", "/../..", true, [], {}, [[]], 1e300];
  let good = 0, bad = 0;
  for (const name of ["User", "Env", "Entrypoint", "Cmd", "WorkingDir", "StopSignal", "Volumes"]) {
    for (const value of [...odd, ...odd.map((each) => [each]), { a: null }, "A".repeat(1e6)]) {
      try {
        const config = checkedDefaults({ Cmd: ["sh"], [name]: value } as ImageDefaults);
        validateSpec(specFromImage(image(config), options()));
        good++;
      } catch (error) {
        if (!(error instanceof ImageConfigError || error instanceof SpecError)) throw error;
        assert(error.message.length < 300, error.message);
        bad++;
      }
    }
  }
  assertGreater(good, 30);
  assertGreater(bad, 100);
});
