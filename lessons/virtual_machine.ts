/**
 * The same file tree and the same program as a container, and as a virtual machine under QEMU.
 *
 * The program reads lines and runs them, so that both can be asked the same questions.
 *
 * @module
 */

import { findKernel, type Kernel, moduleFiles, packInitramfs } from "./kernel.ts";
import type { Running, Workshop } from "./workshop.ts";

/** Something that answers. */
export interface Partner {
  /** the process that the host knows it by */
  readonly running: Running;
  /** milliseconds from the command that started it to its first word */
  readonly start: number;
  /** runs a line in it; what it wrote, its exit code, and the milliseconds that it took */
  ask(line: string): Promise<{ output: string; code: number; time: number }>;
}

/** A machine that runs. */
export interface Machine extends Partner {
  /** whether its instructions run on the processor itself, or are translated one by one */
  readonly isEmulated: boolean;
  /** the kernel that it runs */
  readonly kernel: Kernel;
}

/** Memory that a machine believes to have, in MiB. */
export const MACHINE_MEMORY = 256;

/** Programs that the tree has; busybox is all of them. */
const APPLETS = "cat dd free grep insmod ls mount ps sh sleep stty true uname".split(" ");

/** Runs lines as they come, and says after each how it ended. */
const PROGRAM = `#!/bin/busybox sh
echo up
while read -r line; do
  sh -c "$line"
  echo "[$?]"
done
`;

/** What the machine's kernel starts: what a runtime does for a container is done here by hand. */
const INIT = `#!/bin/busybox sh
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod $module; done
stty raw -echo
exec /program
`;

/** Makes the tree, once in a workshop. @returns its directory */
export function makeTree({ scratch }: Workshop): string {
  const tree = `${scratch}/tree`;
  try {
    Deno.mkdirSync(tree);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return tree;
    throw error;
  }
  for (const name of ["bin", "proc", "dev", "data"]) Deno.mkdirSync(`${tree}/${name}`);
  Deno.copyFileSync("/bin/busybox", `${tree}/bin/busybox`);
  for (const name of APPLETS) Deno.symlinkSync("busybox", `${tree}/bin/${name}`);
  Deno.writeTextFileSync(`${tree}/program`, PROGRAM, { mode: 0o755 });
  Deno.mkdirSync(`${scratch}/disk`);
  return tree;
}

/** Starts the program in a container; `/data` is a directory on the host's disk. */
export async function startContainer(workshop: Workshop): Promise<Partner> {
  const tree = makeTree(workshop);
  const volume = `${workshop.scratch}/disk:/data`;
  const begin = performance.now();
  const running = workshop.start(
    ["tiffin", "run", "-v", volume, "-e", "PATH=/bin", "--rootfs", tree, "/program"],
    { hasInput: true },
  );
  return await partner(workshop, running, begin, 60);
}

/** Starts the program in a machine; `/dev/vda` is a file on the host's disk. */
export async function startMachine(workshop: Workshop): Promise<Machine> {
  const kernel = findKernel()!;
  const { scratch } = workshop;
  const initramfs = `${scratch}/initramfs`;
  await makeInitramfs(workshop, kernel, initramfs);
  Deno.writeFileSync(`${scratch}/vda`, new Uint8Array());
  Deno.truncateSync(`${scratch}/vda`, 64 << 20);
  if (isWritable("/dev/kvm")) {
    const begin = performance.now();
    const running = boot(workshop, kernel, initramfs, ["kvm", "host"]);
    // where this machine is one itself, what it has of KVM may not do for a whole kernel
    let isOver = false;
    running.ended.then(() => isOver = true);
    const isUp = () => /^up$/m.test(running.output());
    const fell = () => isOver || running.output().includes("KVM internal error");
    await workshop.until(() => isUp() || fell(), 6);
    if (isUp() && !fell()) {
      const own = await partner(workshop, running, begin, 1);
      return { ...own, kernel, isEmulated: false };
    }
    await running.stop();
  }
  // one start in some dozens of an emulated kernel ends in a panic, which says nothing of the next
  for (let attempt = 1;; attempt++) {
    const begin = performance.now();
    const running = boot(workshop, kernel, initramfs, EMULATED);
    try {
      return { ...await partner(workshop, running, begin, 150), kernel, isEmulated: true };
    } catch (error) {
      await running.stop();
      if (attempt === 3) throw error;
    }
  }
}

/** What a kernel says that fell before its first process; QEMU may not notice. */
export const FELL = /Kernel panic(?!.*Attempted to kill init)/;

/** QEMU's own processor, without what is dear to translate. */
const EMULATED: [string, string] = ["tcg,thread=single", "max,-la57,-erms,-fsrm"];

/** Packs the tree as what the kernel starts with, and beside it the drivers of the disk. */
async function makeInitramfs(workshop: Workshop, kernel: Kernel, file: string): Promise<void> {
  const tree = makeTree(workshop);
  const own = `${workshop.scratch}/machine`;
  await workshop.run(["cp", "-a", tree, own]);
  Deno.writeTextFileSync(`${own}/init`, INIT, { mode: 0o755 });
  Deno.mkdirSync(`${own}/modules`);
  const files = moduleFiles(kernel, ["virtio_pci", "virtio_blk"]);
  for (const [i, module] of files.entries()) {
    const place = `${own}/modules/${i}.ko`;
    const unpack = module.endsWith(".xz") ? "xz -dc" : module.endsWith(".zst") ? "zstd -dc" : "cat";
    await workshop.run(["sh", "-c", `${unpack} "$1" > "$2"`, "sh", module, place]);
  }
  Deno.writeFileSync(file, packInitramfs(own));
}

function boot(
  workshop: Workshop,
  kernel: Kernel,
  initramfs: string,
  [accelerator, cpu]: [string, string],
): Running {
  const options = [
    ...["-machine", "q35", "-accel", accelerator, "-cpu", cpu, "-m", String(MACHINE_MEMORY)],
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"],
    ...["-drive", "file=vda,if=none,id=vda,format=raw", "-device", "virtio-blk-pci,drive=vda"],
    ...["-kernel", kernel.image, "-initrd", initramfs, "-append", KERNEL_WORDS],
  ];
  return workshop.start(["qemu-system-x86_64", ...options], { hasInput: true });
}

/** A panic ends QEMU; the others spare an emulated processor needless work. */
const KERNEL_WORDS = "console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off norandmaps " +
  "tsc=reliable nowatchdog rcupdate.rcu_expedited=1";

async function partner(
  workshop: Workshop,
  running: Running,
  begin: number,
  patience: number,
): Promise<Partner> {
  let isOver = false;
  running.ended.then(() => isOver = true);
  const isUp = () => /^up\r?$/m.test(running.output());
  await workshop.until(() => isUp() || isOver || FELL.test(running.output()), patience);
  if (!isUp()) {
    throw new Error(`no word from it in ${patience} s: ${running.output().slice(-500)}`);
  }
  const start = performance.now() - begin;
  return {
    running,
    start,
    ask: async (line) => {
      const before = running.output().length;
      const asked = performance.now();
      await running.write(`${line}\n`);
      const end = await workshop.until(
        () => /^\[(\d+)\]\r?\n$/m.exec(running.output().slice(before)),
        60,
      );
      if (!end) throw new Error(`no answer to ${line}: ${running.output().slice(before)}`);
      const time = performance.now() - asked;
      const output = running.output().slice(before, before + end.index).replaceAll("\r", "");
      return { output, code: Number(end[1]), time };
    },
  };
}

function isWritable(path: string): boolean {
  try {
    Deno.openSync(path, { read: true, write: true }).close();
    return true;
  } catch {
    return false;
  }
}
