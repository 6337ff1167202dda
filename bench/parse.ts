import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { readMetadata } from '../formats/metadata.js';
import { java } from '../stack/java.js';
import { cache, root } from '../stack/root.js';
import { machine, median, row, type BenchOptions, type BenchReport, type BenchRow } from './report.js';

const FLINK = '2.3.0';
const POINTER = 'hdfs://nn:8020/flink/checkpoints/5e8f1c0a9d3b47e2a6c4f0d1b2e39788/chk-4711';
const built = join(cache, 'reader');
const data = join(cache, 'bench', 'parse');

/** Files, how often they are read, and the share of Flink's time that is the goal. */
const WARM = [
  { name: 'warm 10k', file: 'files-10k', runs: 60, goal: 0.5 },
  { name: 'warm 100k', file: 'files-100k', runs: 21, goal: 0.5 },
  { name: 'warm 500k', file: 'files-500k', runs: 9, goal: 0.5 },
  { name: 'inline 200 MB', file: 'inline-200m', runs: 9, goal: 1 },
] as const;
const COLD_RUNS = 7;

/**
 * How fast a `_metadata` file is read, against Flink's own loader on the same files in the same run. Warm: in a process
 * that has read it before, the median without the first third of the runs. Cold: whole processes, ours printing the
 * neutral JSON, Flink's only loading the file.
 */
export async function run({ onProgress = () => undefined }: BenchOptions = {}): Promise<BenchReport> {
  await buildReader(onProgress);
  await makeFiles(onProgress);
  const rows: BenchRow[] = [];
  for (const { name, file, runs, goal } of WARM) {
    const baseline = await flinkWarm(file, runs);
    const ours = oursWarm(file, runs);
    rows.push(row(name, ours, baseline, 'ms', goal));
    onProgress(`${name}: ours ${ours.toFixed(1)} ms, Flink's ${baseline.toFixed(1)} ms`);
  }
  const ours: number[] = [];
  const baseline: number[] = [];
  for (let i = 0; i < COLD_RUNS; i++) {
    ours.push(await oursCold('files-10k'));
    baseline.push(await flinkCold('files-10k'));
  }
  rows.push(row('cold inspect 10k', median(ours), median(baseline), 'ms', 0.5));
  return { scenario: 'parse', machine: machine(await javaVersion(), `Flink ${FLINK}`), rows };
}

const fileOf = (name: string): string => join(data, `${name}.metadata`);

// ── Ours ────────────────────────────────────────────────────────────────────────────────────────────────────────

function oursWarm(name: string, runs: number): number {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    const fd = openSync(fileOf(name), 'r');
    const source = {
      size: fstatSync(fd).size,
      read: (into: Uint8Array, at: number) => readSync(fd, into, 0, into.length, at),
    };
    const snapshot = readMetadata(source, POINTER);
    closeSync(fd);
    times.push(performance.now() - start);
    if (snapshot.trailingBytes !== 0) throw new Error(`expected ${name} to be read to its end`);
  }
  return median(times.slice(Math.floor(runs / 3)));
}

const oursCold = (name: string): Promise<number> =>
  timed(process.execPath, [
    join(root, 'dist', 'cli', 'main.js'),
    'inspect',
    '--json',
    '--pointer',
    POINTER,
    fileOf(name),
  ]);

// ── Flink's ─────────────────────────────────────────────────────────────────────────────────────────────────────

const opened = [
  'java.lang',
  'java.lang.reflect',
  'java.util',
  'java.util.concurrent',
  'java.net',
  'java.io',
  'java.nio',
].flatMap((name) => ['--add-opens', `java.base/${name}=ALL-UNNAMED`]);

function javaArgs(main: string, ...args: readonly string[]): readonly string[] {
  const jars = readFileSync(join(built, 'classpath.txt'), 'utf8').trim();
  const log = '-Dorg.slf4j.simpleLogger.defaultLogLevel=off';
  return [
    ...opened,
    '-Xmx6g',
    log,
    '-cp',
    [join(built, 'classes'), jars].join(delimiter),
    `truth.${main}`,
    ...args,
  ];
}

async function flinkWarm(name: string, runs: number): Promise<number> {
  const text = await output(java, javaArgs('Bench', fileOf(name), 'buffered', String(runs)));
  const found = /median_ms=([\d.]+)/.exec(text)?.[1];
  if (found === undefined)
    throw new Error(`expected the times of Flink's loader, found: ${text.slice(0, 500)}`);
  return Number(found);
}

const flinkCold = (name: string): Promise<number> =>
  timed(java, javaArgs('Bench', fileOf(name), 'buffered', '1'));

async function javaVersion(): Promise<string> {
  const text = await output(java, ['-version']);
  return `Java ${/version "([^"]+)"/.exec(text)?.[1] ?? 'unknown'}`;
}

async function buildReader(say: (line: string) => void): Promise<void> {
  if (existsSync(join(built, 'classpath.txt'))) return;
  say("Flink's reader is built into .cache/reader");
  const pom = join(root, 'stack', 'reader', 'pom.xml');
  const making = `${built}.making`;
  rmSync(making, { recursive: true, force: true });
  const where = [`-Dmaven.repo.local=${join(cache, 'm2')}`, `-Dholdfast.build=${making}`];
  await output('mvn', ['-B', '-q', '-ntp', '-f', pom, ...where, 'package']);
  rmSync(built, { recursive: true, force: true });
  renameSync(making, built);
}

async function makeFiles(say: (line: string) => void): Promise<void> {
  if (WARM.every(({ file }) => existsSync(fileOf(file)))) return;
  say(`large snapshots are written to ${data}`);
  const making = `${data}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  await output(java, javaArgs('Big', making));
  rmSync(data, { recursive: true, force: true });
  renameSync(making, data);
}

// ── Processes ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Milliseconds from start to end of a process. */
async function timed(command: string, args: readonly string[]): Promise<number> {
  const start = performance.now();
  const child = spawn(command, args, { stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number | null];
  const spent = performance.now() - start;
  if (code !== 0)
    throw new Error(`expected ${command} to end with 0, found ${code}: ${args.slice(-4).join(' ')}`);
  return spent;
}

/** Everything a process prints. */
async function output(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (piece: Buffer) => (text += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (text += piece.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`expected ${command} to end with 0, found ${code}: ${text.slice(-1000)}`);
  return text;
}
