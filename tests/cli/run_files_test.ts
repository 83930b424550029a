/**
 * The files of a container: volumes and other mounts, its own /etc, and what cannot be written.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { hostSnapshot } from "../helpers/host.ts";
import { isRoot, needs } from "../helpers/needs.ts";
import { tempRoot } from "../helpers/temp_root.ts";
import { anyUser, host, localBox } from "./box.ts";

const box = localBox();

Deno.test({
  ...needs("a volume is the host's directory, to write or only to read", anyUser),
  async fn() {
    await using source = await tempRoot();
    await Deno.writeTextFile(`${source.path}/file`, "the host's\n");
    const script = "cat /rw/file; echo new >/rw/new; cat /ro/new; echo no >/ro/no; rm /ro/new";
    const { stdout, stderr } = await box.sh(
      script,
      `--volume=${source.path}:/rw`,
      `-v=${source.path}:/ro:ro`,
    );
    assertEquals(stdout, "the host's\nnew\n");
    assertMatch(stderr, /\/ro\/no: Read-only file system\n.*\/ro\/new.*: Read-only file system/);
    assertEquals(await Deno.readTextFile(`${source.path}/new`), "new\n");
    assertEquals((await Deno.stat(`${source.path}/new`)).uid, Deno.uid());
  },
});

Deno.test({
  ...needs(
    "a single file can be mounted, over one of the image's and where there is none",
    anyUser,
  ),
  async fn() {
    await using source = await tempRoot();
    const file = `${source.path}/file`;
    await Deno.writeTextFile(file, "one\n");
    const script = "cat /etc/passwd; echo two >>/a/b/c; cat /a/b/c; ls /a/b; echo >/etc/passwd";
    const flags = [`-v=${file}:/etc/passwd:ro`, `--mount=type=bind,src=${file},dst=/a/b/c`];
    const { stdout, stderr } = await box.sh(script, ...flags);
    assertEquals(stdout, "one\none\ntwo\nc\n");
    assertStringIncludes(stderr, "/etc/passwd: Read-only file system");
    assertEquals(await Deno.readTextFile(file), "one\ntwo\n");
  },
});

Deno.test({
  ...needs("a container has any number of volumes", anyUser),
  async fn() {
    await using source = await tempRoot();
    const flags = Array.from({ length: 100 }, (_, i) => `-v=${source.path}:/m/${i}:ro`);
    assertEquals(await box.text("ls /m | wc -l", ...flags), "100\n");
  },
});

Deno.test({
  ...needs("all of a source that is missing is made, from the root on", anyUser),
  async fn() {
    // explained, because a test leaves the host's root alone
    const missing = `/nobody-has-this-${Deno.pid}/deep`;
    const { stdout } = await box.run(["--explain", "-v", `${missing}:/m`, "local", "true"]);
    const top = stdout.indexOf(`mkdir("${missing.slice(0, -"/deep".length)}"`);
    const below = stdout.indexOf(`mkdir("${missing}"`);
    assert(top >= 0 && top < below, `${top} ${below}`);
  },
});

Deno.test({
  ...needs("a source that is missing is made for -v, and an error for --mount", anyUser),
  async fn() {
    await using source = await tempRoot();
    const missing = `${source.path}/a/b`;
    const refused = await box.sh("true", `--mount=type=bind,src=${missing},dst=/m`);
    assertEquals(refused.code, 125);
    assertStringIncludes(refused.stderr, missing);
    assertEquals([...Deno.readDirSync(source.path)], []);
    await box.text("touch /m/file", "-v", `${missing}:/m`);
    assert((await Deno.stat(`${missing}/file`)).isFile);
  },
});

Deno.test({
  ...needs(
    "a named volume is kept between runs, one without a name goes with its container",
    anyUser,
  ),
  async fn() {
    await using root = await tempRoot();
    const at = async (...words: string[]) => await box.run(words, { root: root.path });
    const write = "echo kept >/named/file; echo gone >/unnamed/file; cat /unnamed/file";
    const volumes = ["-v", "box:/named", "-v", "/unnamed"];
    assertEquals((await at(...volumes, "local", "sh", "-c", write)).stdout, "gone\n");
    const before = hostSnapshot(root.path);
    const read = "cat /named/file; ls /unnamed";
    assertEquals((await at(...volumes, "local", "sh", "-c", read)).stdout, "kept\n");
    assertEquals(hostSnapshot(root.path).files, before.files);
    const two = await at("-v", "box:/other:ro", "local", "cat", "/other/file");
    assertEquals(two.stdout, "kept\n");
  },
});

Deno.test({
  ...needs("a mount made inside does not appear outside, and one made outside not inside", {
    root: true,
  }),
  async fn() {
    await using source = await tempRoot();
    for (const name of ["inside", "outside"]) await Deno.mkdir(`${source.path}/${name}`);
    // the source is a shared mount, as everything below / is where systemd runs
    await host("mount", "--bind", source.path, source.path);
    await host("mount", "--make-shared", source.path);
    try {
      const flags = [`-v=${source.path}:/m`, "--cap-add=SYS_ADMIN"];
      const script = "mount -t tmpfs t /m/inside && echo mounted; read line; grep -c outside " +
        "/proc/self/mountinfo; grep -c /m/inside /proc/self/mountinfo";
      await using talk = box.start([...flags, "local", "sh", "-c", script]);
      await talk.hear(/mounted/);
      assertEquals((await mountsBelow(source.path)).length, 1, "the source's own");
      await host("mount", "-t", "tmpfs", "tiffin-test", `${source.path}/outside`);
      await talk.say("\n");
      assertEquals((await talk.end()).stdout.trim(), "0\n1");
      await host("umount", `${source.path}/outside`);
    } finally {
      await host("umount", source.path);
    }
    assertEquals(await mountsBelow(source.path), []);
  },
});

Deno.test({
  ...needs("a mount made outside appears inside where the volume says rslave", { root: true }),
  async fn() {
    await using source = await tempRoot();
    await Deno.mkdir(`${source.path}/outside`);
    await host("mount", "--bind", source.path, source.path);
    await host("mount", "--make-shared", source.path);
    try {
      const script = "echo ready; read line; cat /m/outside/file";
      const words = [`-v=${source.path}:/m:rslave`, "local", "sh", "-c", script];
      await using talk = box.start(words);
      await talk.hear(/ready/);
      await host("mount", "-t", "tmpfs", "tiffin-test", `${source.path}/outside`);
      await Deno.writeTextFile(`${source.path}/outside/file`, "seen");
      await talk.say("\n");
      assertEquals((await talk.end()).stdout, "seen");
      await host("umount", `${source.path}/outside`);
    } finally {
      await host("umount", source.path);
    }
  },
});

Deno.test({
  ...needs("--tmpfs is empty, as large as it says, and in memory", anyUser),
  async fn() {
    const script = "ls -A /t; stat -f -c '%T %b %S' /t; stat -c %a /t; " +
      "head -c 2M /dev/zero >/t/full; stat -c %s /t/full; findmnt -no OPTIONS /t";
    const { stdout, stderr } = await box.sh(script, "--tmpfs=/t:size=1m,mode=700,noexec");
    const [type, mode, size, options] = stdout.trim().split("\n");
    assertEquals([type, mode, size], ["tmpfs 256 4096", "700", "1048576"]);
    assertStringIncludes(stderr, "No space left on device");
    for (const option of ["nosuid", "nodev", "noexec"]) assertStringIncludes(options, option);
  },
});

Deno.test({
  ...needs("--read-only leaves only what was mounted to be written", anyUser),
  async fn() {
    const script = "for path in / /etc /usr/bin /tmp /t /v /dev/shm; do " +
      "touch $path/probe 2>/dev/null && echo $path; done";
    await using source = await tempRoot();
    const flags = ["--read-only", "--tmpfs=/t", `-v=${source.path}:/v`];
    assertEquals(await box.text(`${script}; true`, ...flags), "/t\n/v\n/dev/shm\n");
    const withTmp = await box.text(`${script}; true`, "--read-only", "--tmpfs", "/tmp");
    assertEquals(withTmp, "/tmp\n/dev/shm\n");
    assertStringIncludes(await box.text(`${script}; true`), "/usr/bin\n");
  },
});

Deno.test({
  ...needs("what a container writes is not in the image, and goes with the container", anyUser),
  async fn() {
    const before = hostSnapshot(`${box.path}/layers`);
    const script = "rm /usr/bin/yes; echo changed >/etc/passwd; mkdir -p /a/b; chmod 000 /a/b; " +
      "mkfifo /a/fifo; ln -s / /a/link; chmod 4755 /usr/bin/id; echo ok";
    assertEquals(await box.text(script), "ok\n");
    assertEquals(hostSnapshot(`${box.path}/layers`).files, before.files);
    assertEquals([...Deno.readDirSync(`${box.path}/containers`)], []);
    assertMatch(
      await box.text("ls /usr/bin/yes; cat /etc/passwd; ls /"),
      /^\/usr\/bin\/yes\nroot:/,
    );
  },
});

Deno.test({
  ...needs("what tells too much of the host is hidden, what changes it cannot be written", anyUser),
  async fn() {
    const script = `
      for path in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/latency_stats \\
        /proc/interrupts /proc/asound /proc/acpi /proc/scsi /sys/firmware \\
        /sys/devices/virtual/powercap; do
        if [ -d $path ]; then ls -A $path; elif [ -e $path ]; then cat $path; fi
      done
      for path in /proc/sys/kernel/panic /proc/sys/vm/drop_caches /proc/irq/default_smp_affinity \\
        /proc/sysrq-trigger /sys/kernel/mm/transparent_hugepage/enabled; do
        [ -e $path ] && { printf '' >>$path; } 2>/dev/null && echo written: $path
      done
      cat /proc/sys/kernel/ostype`;
    assertEquals(await box.text(script), "Linux\n");
  },
});

Deno.test({
  ...needs("masks can be taken off and put on", { root: true }),
  async fn() {
    const size = "stat -c %s /proc/interrupts; wc -c </proc/interrupts; ls -A /etc | wc -l";
    const [, masked] = (await box.text(size)).split("\n");
    assertEquals(masked, "0");
    const flags = ["--security-opt=unmask=/proc/interrupts", "--security-opt=mask=/etc"];
    const [, unmasked, etc] = (await box.text(size, ...flags)).split("\n");
    assert(Number(unmasked) > 0);
    assertEquals(etc, "0");
  },
});

Deno.test({
  ...needs("/etc/hosts, hostname and resolv.conf are the container's own", anyUser),
  async fn() {
    const script = "cat /etc/hostname; cat /etc/hosts; echo =; cat /etc/resolv.conf; " +
      "echo 10.9.8.7 mine >>/etc/hosts && grep -c mine /etc/hosts";
    const flags = ["--hostname=box", "--add-host=other:192.0.2.7"];
    const text = await box.text(script, ...flags);
    const [names, rest] = text.split("=\n");
    assertMatch(names, /^box\n/);
    assertMatch(names, /^127\.0\.0\.1\s+localhost$/m);
    assertMatch(names, /^192\.0\.2\.7\s+other$/m);
    assertMatch(rest, /\n?1\n$/);
    const image = await Deno.readTextFile("/etc/hosts");
    assertEquals(image.includes("10.9.8.7 mine"), false);
    assertEquals(await box.text("grep -c -e mine -e other /etc/hosts; true"), "0\n");
  },
});

Deno.test({
  ...needs("a volume over /etc/hosts wins over the container's own", anyUser),
  async fn() {
    await using source = await tempRoot();
    await Deno.writeTextFile(`${source.path}/hosts`, "192.0.2.1 given\n");
    const text = await box.text("cat /etc/hosts", `-v=${source.path}/hosts:/etc/hosts:ro`);
    assertEquals(text, "192.0.2.1 given\n");
  },
});

Deno.test({
  ...needs("a full disk: the error says so, and nothing is left", { root: true }),
  async fn() {
    await using place = await tempRoot();
    const root = `${place.path}/small`;
    await Deno.mkdir(root);
    await host("mount", "-t", "tmpfs", "-o", "size=64m", "tiffin-test", root);
    try {
      const first = await box.run(["local", "true"], { root });
      assertEquals(first.code, 0, first.stderr);
      const before = hostSnapshot(root);
      await host("sh", "-c", `cat /dev/zero >${root}/filler 2>/dev/null || true`);
      const { code, stderr } = await box.run(["local", "true"], { root });
      assertEquals(code, 125);
      assertMatch(stderr, /ENOSPC|no space left/i);
      assertMatch(stderr, /see df -h/);
      await Deno.remove(`${root}/filler`);
      assertEquals(hostSnapshot(root), before);
      assertEquals((await box.run(["local", "true"], { root })).code, 0);
    } finally {
      await host("umount", root);
    }
  },
});

Deno.test({
  ...needs("a disk that is full while the image local is made: nothing half-made is left", {
    root: true,
  }),
  async fn() {
    await using place = await tempRoot();
    const root = `${place.path}/small`;
    await Deno.mkdir(root);
    await host("mount", "-t", "tmpfs", "-o", "size=8m", "tiffin-test", root);
    try {
      const { code, stderr } = await box.run(["local", "true"], { root });
      assertEquals(code, 125);
      assertStringIncludes(stderr, `the disk of ${root} is full`);
      for (const part of ["containers", "layers", "tmp"]) {
        const left = [];
        try {
          left.push(...Deno.readDirSync(`${root}/${part}`));
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        }
        assertEquals(left, [], part);
      }
    } finally {
      await host("umount", root);
    }
  },
});

Deno.test({
  ...needs("a data root that cannot be written: the error names it and the way out", anyUser),
  async fn() {
    const root = isRoot ? "/proc/tiffin" : "/root/tiffin";
    const { code, stderr } = await box.run(["local", "true"], { root });
    assertEquals(code, 125);
    assertStringIncludes(stderr, root);
    assertEquals(stderr.includes("mistake in Tiffin"), false, stderr);
  },
});

Deno.test({
  ...needs("a data root on a read-only file system: the error names it and the way out", {
    root: true,
  }),
  async fn() {
    await using place = await tempRoot();
    const root = `${place.path}/ro`;
    await Deno.mkdir(root);
    await host("mount", "-t", "tmpfs", "-o", "ro", "tiffin-test", root);
    try {
      const { code, stderr } = await box.run(["local", "true"], { root });
      assertEquals(code, 125);
      assertMatch(stderr, /read-only file system/i);
      assertStringIncludes(stderr, "--root or TIFFIN_ROOT");
    } finally {
      await host("umount", root);
    }
  },
});

async function mountsBelow(path: string): Promise<string[]> {
  const lines = (await Deno.readTextFile("/proc/self/mountinfo")).split("\n");
  return lines.filter((line) => line.split(" ")[4]?.startsWith(path));
}
