/** The incident in memory, for the real steps: a Flink that restores whatever it is given, and a clock that hurries. */
import { setTimeout as realSleep } from 'node:timers/promises';
import { createActivities, type Activities } from '../../activities/index.js';
import type { Deps } from '../../activities/deps.js';
import type { Clock } from '../../adapters/ports.js';
import { jobName } from '../../domain/ids.js';
import { STRICT, type Policy } from '../../domain/policy.js';
import { chk, depsOf, fakeRun, fillLog, incident, noCheckpoints, type World } from './fake-ports.js';

export interface InstantOutside {
  readonly world: World;
  readonly deps: Deps;
  readonly steps: Activities;
}

/** Waits that take no time, and everything that asks no person decided as a cautious operator would. */
export const HASTY: Policy = {
  ...STRICT,
  attempts: 3,
  backoff: { initial: 20, factor: 1, max: 20, jitter: 0 },
  stableFor: 1,
  confirmAfter: 1,
  soak: 1,
};

/**
 * A world in which the newest checkpoint (8) is sound, nothing came after it in Kafka, and a submitted run restores it,
 * runs, and completes the next one at once.
 * @param registered search attributes that the namespace knows.
 * @param clock of the steps; real time that hurries by default.
 */
export async function instantOutside(
  policy: Partial<Policy> = {},
  registered: Deps['registeredSearchAttributes'] = () => Promise.resolve([]),
  clock: Clock = hurryingClock(),
): Promise<InstantOutside> {
  const world = incident();
  await fillLog(world, 0n);
  world.onSubmit = ({ run, savepointPath }) => {
    startRun(world, run, savepointPath, clock.now());
    return 'accepted';
  };
  const from = depsOf(world);
  const job = from.config.jobs[jobName('window-counts')];
  if (job === undefined) throw new Error('the configuration of fake-ports has no window-counts');
  const deps: Deps = {
    ...from,
    config: {
      ...from.config,
      jobs: { ...from.config.jobs, [jobName('window-counts')]: { ...job, policy: { ...HASTY, ...policy } } },
    },
    ports: { ...from.ports, clock },
    registeredSearchAttributes: registered,
  };
  return { world, deps, steps: createActivities(deps) };
}

/** A run that restored `path` (null: nothing), runs all its tasks and has completed a checkpoint just now. */
export function startRun(world: World, run: FakeRunId, path: string | null, now: number): void {
  const before = Number(/chk-(\d+)$/.exec(path ?? '')?.[1] ?? 8);
  const own = chk(before + 1, run);
  for (const [file, bytes] of [...world.files])
    if (file.startsWith(`${chk(8)}/`))
      world.files.set(`${own}${file.slice(chk(8).length)}`, numbered(file, bytes, before + 1));
  const newest = {
    id: String(before + 1),
    status: 'COMPLETED',
    savepoint: false,
    terminating: false,
    path: own,
    discarded: false,
    triggered: now,
    stateSize: 1,
    failure: null,
  } as const;
  const restored = path === null ? null : { id: String(before), path, savepoint: true, time: now };
  const counts = { ...noCheckpoints.counts, completed: 1, restored: restored === null ? 0 : 1 };
  world.runs = [
    ...world.runs,
    fakeRun({
      run,
      state: 'RUNNING',
      startTime: now,
      endTime: null,
      tasks: { RUNNING: 4 },
      checkpoints: { ...noCheckpoints, counts, restored, latestCompleted: newest, history: [newest] },
    }),
  ];
}

/** A metadata file says which checkpoint it is, after its magic number and its version. */
function numbered(file: string, bytes: Uint8Array, id: number): Uint8Array {
  if (!file.endsWith('/_metadata')) return bytes;
  const copy = Buffer.from(bytes);
  copy.writeBigInt64BE(BigInt(id), 8);
  return copy;
}

type FakeRunId = World['runs'][number]['run'];

/** Real time, and more of it with every sleep, each of which is over at once. */
function hurryingClock(): Clock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    sleep: async (ms, signal) => {
      await realSleep(1, undefined, { signal });
      ahead += ms;
    },
  };
}
