/**
 * Images from a registry, run: what their configuration asks for, their layers one over the other,
 * and what hostile ones try.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { hostPlatform } from "../../runtime/images/platform.ts";
import { FaultyRegistry } from "../helpers/faulty_registry.ts";
import { differences, hostSnapshot } from "../helpers/host.ts";
import { isRoot, needs } from "../helpers/needs.ts";
import { type Outcome, runTiffin } from "../helpers/run_tiffin.ts";
import { type TempRoot, tempRoot } from "../helpers/temp_root.ts";
import { type Content, tarball } from "../runtime/images/tarballs.ts";
import { anyUser } from "./box.ts";

const BUSYBOX = "/usr/bin/busybox";
const requirements = { ...anyUser, files: [BUSYBOX] };
const PROGRAMS = "sh cat echo env id ls pwd stat test touch chown mkdir rm sleep".split(" ");

/** The lowest layer: busybox, which needs no library, and what is to lie beside it. */
async function base(...more: Content[]): Promise<Uint8Array<ArrayBuffer>> {
  const content = await Deno.readFile(BUSYBOX);
  return tarball(
    { name: "bin/busybox", type: "file", mode: 0o755, content },
    ...PROGRAMS.map((name) => link(`bin/${name}`, "busybox")),
    ...more,
  );
}

function directory(name: string, more: Partial<Content> = {}): Content {
  return { name, type: "directory", ...more };
}

function file(name: string, content: string, more: Partial<Content> = {}): Content {
  return { name, type: "file", content, ...more };
}

function link(name: string, linkname: string): Content {
  return { name, type: "symlink", linkname };
}

/** Runs a container of the image; its name is where `IMAGE` stands. */
type Run = (...words: string[]) => Promise<Outcome>;

/** Lets a test use a registry with one image, and a data root to run it in. */
async function withImage(
  layers: Uint8Array<ArrayBuffer>[],
  config: Record<string, unknown>,
  use: (run: Run, registry: FaultyRegistry) => Promise<void>,
): Promise<void> {
  await using registry = new FaultyRegistry();
  await using root = await tempRoot();
  await registry.addImage("class/box", "1", layers, hostPlatform(), { config });
  await use((...words) => {
    const named = words.with(words.indexOf("IMAGE"), `${registry.host}/class/box:1`);
    return runTiffin(["run", ...named], { root: root.path });
  }, registry);
}

const PASSWD = file("etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv/web:/bin/sh\n");
const GROUP = file("etc/group", "root:x:0:\nweb:x:33:\nlogs:x:44:web\nadm:x:55:root,web\n");

Deno.test({
  ...needs("the second run asks the registry for nothing; --pull always asks again", requirements),
  async fn() {
    await withImage([await base()], { Env: ["PATH=/bin"] }, async (run, registry) => {
      assertEquals((await run("IMAGE", "echo", "one")).stdout, "one\n");
      const asked = registry.asked.length;
      assertEquals(registry.count("GET /v2/class/box/blobs/"), 2);
      assertEquals((await run("IMAGE", "echo", "two")).stdout, "two\n");
      assertEquals((await run("--pull=never", "IMAGE", "echo", "three")).stdout, "three\n");
      assertEquals(registry.asked.length, asked);
      assertEquals((await run("--pull=always", "IMAGE", "echo", "four")).stdout, "four\n");
      assertEquals(registry.asked.length > asked, true);
      assertEquals(registry.count("GET /v2/class/box/blobs/"), 2, "the layers are there already");
    });
  },
});

Deno.test({
  ...needs(
    "user, groups, directory, variables, command: the image's, or what is given",
    requirements,
  ),
  async fn() {
    const config = {
      User: "web",
      WorkingDir: "/srv/web/made/here",
      Env: ["PATH=/bin", "COLOUR=blue", "EMPTY="],
      Entrypoint: ["sh", "-c"],
      Cmd: ["id; pwd; stat -c '%u %a' .; echo $COLOUR $HOME"],
    };
    await withImage([await base(PASSWD, GROUP)], config, async (run) => {
      assertEquals((await run("IMAGE")).stdout.split("\n"), [
        "uid=33(web) gid=33(web) groups=33(web),44(logs),55(adm)",
        "/srv/web/made/here",
        "0 755",
        "blue /srv/web",
        "",
      ]);
      assertEquals((await run("IMAGE", "echo $0 $COLOUR", "one")).stdout, "one blue\n");
      const given = await run("-u", "0:logs", "-w", "/etc", "-e", "COLOUR=red", "IMAGE", "id; pwd");
      assertEquals(given.stdout, "uid=0(root) gid=44(logs) groups=44(logs)\n/etc\n");
      const other = await run("--entrypoint=echo", "IMAGE", "only", "this");
      assertEquals(other.stdout, "only this\n");
      const none = await run("--entrypoint=", "IMAGE", "env");
      assertMatch(none.stdout, /^EMPTY=$/m);
    });
  },
});

Deno.test({
  ...needs("what an upper layer removes, hides and changes is so in the container", requirements),
  async fn() {
    const lower = await base(
      directory("data"),
      file("data/kept", "lower"),
      file("data/removed", "lower"),
      file("data/changed", "lower"),
      directory("data/emptied"),
      file("data/emptied/old", "lower"),
      directory("data/gone"),
      file("data/gone/inner", "lower"),
    );
    const upper = tarball(
      file("data/.wh.removed", ""),
      file("data/changed", "upper"),
      file("data/emptied/.wh..wh..opq", ""),
      file("data/emptied/new", "upper"),
      file("data/.wh.gone", ""),
      file("data/only-read", "upper", { mode: 0o444, uid: 1000, gid: 1001 }),
      file("data/set-uid", "x", { mode: 0o4755, uid: 33 }),
    );
    const top = tarball(file("data/changed", "top"), file("data/.wh.only-read", ""));
    const again = tarball(file("data/gone", "a file now"));
    await withImage([lower, upper, top, again], { Env: ["PATH=/bin"] }, async (run) => {
      const script = "cd /data; ls; cat changed kept gone; ls emptied; stat -c '%a %u' set-uid";
      assertEquals((await run("IMAGE", "sh", "-c", script)).stdout.split("\n"), [
        ...["changed", "emptied", "gone", "kept", "set-uid"],
        "toplowera file nownew",
        "4755 33",
        "",
      ]);
      // a change is a container's own, and the next one begins as the image does
      await run("IMAGE", "rm", "-r", "/data");
      assertEquals((await run("IMAGE", "cat", "/data/changed")).stdout, "top");
    });
  },
});

Deno.test({
  ...needs("files of several users keep them, in the image and in the container", requirements),
  async fn() {
    const layer = await base(
      PASSWD,
      directory("srv/web", { uid: 33, gid: 33, mode: 0o700 }),
      file("srv/web/secret", "of web", { uid: 33, gid: 33, mode: 0o600 }),
      file("srv/other", "of other", { uid: 1234, gid: 4321 }),
    );
    await withImage([layer], { Env: ["PATH=/bin"] }, async (run) => {
      const list = await run("IMAGE", "stat", "-c", "%n %u:%g", "/srv/web/secret", "/srv/other");
      assertEquals(list.stdout, "/srv/web/secret 33:33\n/srv/other 1234:4321\n");
      const web = await run("-u", "web", "IMAGE", "cat", "/srv/web/secret");
      assertEquals(web.stdout, "of web");
      const other = await run("-u", "1234", "IMAGE", "cat", "/srv/web/secret");
      assertStringIncludes(other.stderr, "Permission denied");
      // what other users leave behind is removed with the container
      const script = "cd /srv/web; mkdir -p a/b; touch a/b/c; test -O a/b/c && echo mine";
      assertEquals((await run("-u", "web", "IMAGE", "sh", "-c", script)).stdout, "mine\n");
    });
  },
});

/** Directories and files that an image has no business to touch. */
async function outside(): Promise<TempRoot> {
  const root = await tempRoot();
  for (const name of ["proc", "dev", "sys", "etc", "inner"]) {
    await Deno.mkdir(`${root.path}/${name}`);
  }
  for (const name of ["hosts", "hostname", "resolv.conf", "passwd", "inner/file"]) {
    await Deno.writeTextFile(`${root.path}/${name}`, "precious");
  }
  return root;
}

/** A link in an image, in a place where something is made, to a directory of the host's. */
const UP = "../../../../../../../../..";
const TRAPS: [name: string, lay: (path: string) => Content, complaint?: RegExp][] = [
  ["proc", (path) => link("proc", path), /\/proc in the image is a symbolic link/],
  ["proc, upwards", (path) => link("proc", UP + path), /\/proc in the image is a symbolic link/],
  ["sys", (path) => link("sys", path), /\/sys in the image is a symbolic link/],
  ["dev", (path) => link("dev", UP + path), /\/dev is a symbolic link/],
  ["dev, to what proc shows", () => link("dev", "/proc/1/root")],
  ["etc", (path) => link("etc", UP + path), /\/etc is a symbolic link/],
  ["hosts", (path) => link("etc/hosts", `${path}/hosts`)],
  ["resolv.conf", (path) => link("etc/resolv.conf", `${UP}${path}/resolv.conf`)],
  ["hostname", () => link("etc/hostname", "/proc/sys/kernel/hostname")],
  ["work", (path) => link("work", `${UP}${path}/inner`), /\/work is a symbolic link/],
  ["volume", (path) => link("volume", `${UP}${path}/inner`), /\/volume is a symbolic link/],
  ["tmp", () => link("tmp", "/tmp"), /ELOOP/],
];

Deno.test({
  ...needs(
    "links of an image lead nowhere outside, whatever they are in the place of",
    requirements,
  ),
  async fn() {
    const script = "echo overwritten >/etc/hosts; touch /volume/x /tmp/x /work/x; echo ran";
    for (const [name, lay, complaint] of TRAPS) {
      await using precious = await outside();
      const before = hostSnapshot(precious.path);
      await using volume = await tempRoot();
      const flags = [`-v=${volume.path}:/volume/v`, "--tmpfs=/tmp/t"];
      const config = { Env: ["PATH=/bin"], WorkingDir: "/work/deeper" };
      await withImage([await base(lay(precious.path))], config, async (run) => {
        const { code, stdout, stderr } = await run(...flags, "IMAGE", "sh", "-c", script);
        assertEquals([name, code, stdout], [name, ...complaint ? [125, ""] : [0, "ran\n"]], stderr);
        if (complaint) assertMatch(stderr, complaint);
      });
      assertEquals(differences(before, hostSnapshot(precious.path)), [], name);
      assertEquals(await Deno.readTextFile(`${precious.path}/hosts`), "precious", name);
    }
  },
});

Deno.test({
  ...needs(
    "who runs is looked up in the image: no link, pipe or device leads elsewhere",
    requirements,
  ),
  async fn() {
    await using precious = await outside();
    await Deno.writeTextFile(`${precious.path}/passwd`, "web:x:99:99::/:/bin/sh\n");
    const inside = file("inner/passwd", "web:x:42:42::/:/bin/sh\n");
    const zero: Content = { name: "etc/passwd", type: "chardev", major: 1, minor: 5 };
    const cases: [Content[], expected: RegExp][] = [
      [[link("etc/passwd", `${precious.path}/passwd`)], /unable to find user web/],
      [[link("etc/passwd", `../../../..${precious.path}/passwd`)], /unable to find user web/],
      [[link("etc", precious.path)], /unable to find user web/],
      [[link("etc/passwd", "/proc/self/environ")], /unable to find user web/],
      [[link("etc/passwd", "/etc/group"), link("etc/group", "/etc/passwd")], /passwd .* circle/],
      [[{ name: "etc/passwd", type: "fifo" }], /passwd is a fifo/],
      [[directory("etc/passwd")], /passwd is a directory/],
      // an ordinary user cannot unpack a device
      ...isRoot ? [[[zero], /passwd is a character device/] as [Content[], RegExp]] : [],
      [[link("etc/passwd", "/inner/passwd"), inside], /^uid=42\(web\) gid=42/],
    ];
    for (const [entries, expected] of cases) {
      await withImage([await base(...entries)], { Env: ["PATH=/bin"] }, async (run) => {
        const { stdout, stderr } = await run("-u", "web", "IMAGE", "id");
        assertMatch(stdout || stderr, expected);
        assertEquals(stderr.includes("mistake in Tiffin"), false, stderr);
      });
    }
  },
});
