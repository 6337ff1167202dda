/** Many seeds: which promises break under which, and the shortest schedule that still breaks them. */
import { createActivities } from '../../activities/index.js';
import { workflowBundle } from '../../worker/bundle.js';
import { readFile } from 'node:fs/promises';
import { makeSandbox, type Sandbox } from './driver.js';
import { MUTANTS, type Mutant } from './mutants.js';
import { scheduleOf, type Schedule } from './schedule.js';
import { simulate, tellOutcome, type Bend, type Outcome } from './simulate.js';

const QUIET = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** The real workflow code, as a worker gets it. */
export async function workflowCode(): Promise<string> {
  const bundle = await workflowBundle(QUIET);
  return 'code' in bundle ? bundle.code : readFile(bundle.codePath, 'utf8');
}

export const sandboxOf = (code: string): Promise<Sandbox> =>
  makeSandbox(code, Object.keys(createActivities(null as never)));

/** Drops faults one by one as long as what is left still breaks something. */
export async function shrink(sandbox: Sandbox, schedule: Schedule, bend: Bend = {}): Promise<Schedule> {
  let smallest = schedule;
  for (let i = smallest.faults.length - 1; i >= 0; i--) {
    const less = { ...smallest, faults: smallest.faults.filter((_, k) => k !== i) };
    if ((await simulate(sandbox, less, bend)).broken.length > 0) smallest = less;
  }
  return smallest;
}

export interface Found {
  readonly outcome: Outcome;
  readonly schedule: Schedule;
}

/** A failing seed in full: shrunk, told, and how to see it again. */
export async function explain(sandbox: Sandbox, seed: number): Promise<string> {
  const schedule = await shrink(sandbox, scheduleOf(seed));
  const outcome = await simulate(sandbox, schedule);
  return `${tellOutcome(schedule, outcome)}\n  again: npm run simulate -- --first ${seed} --seeds 1`;
}

export interface MutantResult {
  readonly name: string;
  /** The first seed that found it, 0 for its own course; null: none did. */
  readonly seed: number | null;
  readonly promise: string | null;
}

/** As many likely seeds are tried for a mutant, of so many. */
const BUDGET = { tries: 60, of: 3_000 };

/** Runs the first likely seeds against deliberately broken code until one breaks a promise. */
export async function hunt(code: string, mutant: Mutant): Promise<MutantResult> {
  const likely = (seed: number): boolean => mutant.likely?.(scheduleOf(seed)) ?? true;
  const seeds = range(1, BUDGET.of).filter(likely).slice(0, BUDGET.tries);
  const sandbox = await sandboxOf(mutant.code?.(code) ?? code);
  try {
    for (const seed of mutant.course === undefined ? seeds : [0, ...seeds]) {
      const schedule = seed === 0 && mutant.course ? mutant.course : scheduleOf(seed);
      const { broken } = await simulate(sandbox, schedule, mutant.bend);
      if (broken[0] !== undefined) return { name: mutant.name, seed, promise: broken[0].promise };
    }
    return { name: mutant.name, seed: null, promise: null };
  } finally {
    await sandbox.destroy();
  }
}

/** What `npm run simulate` does in one process. Returns the seeds that broke a promise. */
export async function runSeeds(
  first: number,
  seeds: number,
  print: (line: string) => void,
): Promise<readonly number[]> {
  const sandbox = await sandboxOf(await workflowCode());
  const failing: number[] = [];
  for (let seed = first; seed < first + seeds; seed++) {
    const outcome = await simulate(sandbox, scheduleOf(seed));
    const [broken] = outcome.broken;
    if (broken === undefined) continue;
    failing.push(seed);
    print(`seed ${seed} breaks "${broken.promise}": ${broken.what}`);
    if (failing.length <= 3) print(await explain(sandbox, seed));
  }
  return failing;
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** What `npm run simulate -- --mutants` does. Returns how many mutants there are, and how many were found. */
export async function runMutants(
  print: (line: string) => void,
): Promise<{ readonly mutants: number; readonly found: number }> {
  const code = await workflowCode();
  let found = 0;
  for (const mutant of MUTANTS) {
    const result = await hunt(code, mutant);
    if (result.seed !== null) found++;
    print(
      `${result.seed === null ? 'NOT FOUND' : `found by seed ${result.seed} (${result.promise})`}: ${result.name}`,
    );
  }
  return { mutants: MUTANTS.length, found };
}
