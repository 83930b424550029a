/**
 * What a container may do: capabilities, `--security-opt`, `--sysctl`.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import {
  DEFAULT_MASKED_PATHS,
  DEFAULT_READONLY_PATHS,
  thermalThrottlePaths,
} from "../../../runtime/image_config.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { changes, options, refusal } from "../run_flags.ts";

Deno.test("capabilities", async () => {
  assertEquals(await options("--cap-add", "net_admin", "--cap-drop", "ALL"), {
    capAdd: ["net_admin"],
    capDrop: ["ALL"],
  });
  assertEquals(await options("--privileged"), { privileged: true });
  assertEquals(
    await refusal("--cap-drop", "NET_ADMN"),
    '--cap-drop: unknown capability "NET_ADMN"; did you mean "NET_ADMIN"?',
  );
});

Deno.test("no-new-privileges is on, and can be put off", async () => {
  assertEquals(await options("--security-opt", "no-new-privileges"), { noNewPrivileges: true });
  for (const text of ["no-new-privileges=false", "no-new-privileges:false"]) {
    assertEquals(await options("--security-opt", text), { noNewPrivileges: false });
  }
  assertEquals(
    await refusal("--security-opt", "no-new-privileges=no"),
    '--security-opt: "no-new-privileges=no" is neither true nor false',
  );
});

Deno.test("seccomp", async () => {
  await using root = await tempRoot();
  const file = `${root.path}/profile.json`;
  await Deno.writeTextFile(file, "{}");
  assertEquals(await changes("--security-opt", "seccomp=unconfined"), { seccomp: "unconfined" });
  assertEquals(await changes("--security-opt", `seccomp=${file}`), { seccomp: { file } });
  assertEquals(await changes("--security-opt", "seccomp=builtin"), {});
  assertEquals(
    await refusal("--security-opt", "seccomp=/no"),
    '--security-opt: "seccomp=/no" is not a file with a profile',
  );
  assertEquals(
    await refusal("--security-opt", "seccomp"),
    '--security-opt: "seccomp" needs a profile: seccomp=FILE or seccomp=unconfined',
  );
});

Deno.test("labels of other security modules are not passed over", async () => {
  assertEquals(await changes("--security-opt", "apparmor=unconfined"), {});
  assertEquals(await changes("--security-opt", "label=disable"), {});
  assertEquals(
    await refusal("--security-opt", "apparmor=mine"),
    '--security-opt: "apparmor=mine" names an AppArmor profile, which cannot be applied here',
  );
  assertEquals(
    await refusal("--security-opt", "label=type:svirt_t"),
    '--security-opt: "label=type:svirt_t" is an SELinux label, which cannot be applied here',
  );
  assertEquals(
    await refusal("--security-opt", "foo=bar"),
    '--security-opt: "foo=bar" has an unknown key; there are no-new-privileges, seccomp, apparmor, ' +
      "label, systempaths, mask, unmask",
  );
});

Deno.test("masked and read-only paths", async () => {
  const masked = [...DEFAULT_MASKED_PATHS, ...thermalThrottlePaths()];
  assertEquals(await options("--security-opt", "systempaths=unconfined"), {
    maskedPaths: [],
    readonlyPaths: [],
  });
  assertEquals(await options("--security-opt", "mask=/proc/a:/proc/b"), {
    maskedPaths: [...masked, "/proc/a", "/proc/b"],
  });
  assertEquals(await options("--security-opt", "unmask=/proc/kcore:/proc/sys"), {
    maskedPaths: masked.filter((path) => path !== "/proc/kcore"),
    readonlyPaths: DEFAULT_READONLY_PATHS.filter((path) => path !== "/proc/sys"),
  });
  assertEquals(
    await options("--security-opt", "unmask=ALL", "--security-opt", "mask=/proc/kcore"),
    {
      maskedPaths: ["/proc/kcore"],
      readonlyPaths: [],
    },
  );
  assertEquals(await options("--privileged", "--security-opt", "mask=/proc/kcore"), {
    privileged: true,
    maskedPaths: ["/proc/kcore"],
  });
  assert(masked.includes("/proc/kcore"));
  assertEquals(
    await refusal("--security-opt", "unmask=kcore"),
    '--security-opt: "kcore" is not an absolute path',
  );
});

Deno.test("--sysctl", async () => {
  assertEquals(await options("--sysctl", "net.ipv4.ip_forward=1"), {
    sysctls: { "net.ipv4.ip_forward": "1" },
  });
  assertEquals(await refusal("--sysctl", "net.a"), '--sysctl: "net.a" is not KEY=VALUE');
});
