/** Courses in which people, a policy or a standing hold have said more than yes or no. */
import { randomUUID } from 'node:crypto';
import { cancelled } from '@temporalio/activity';
import type { Assessed } from '../../domain/look-ahead.js';
import { failure, HoldfastError } from '../../domain/failure.js';
import type { Pointers } from '../../domain/ladder.js';
import { launchInDoubt } from '../../domain/launch-command.js';
import type { LookReport } from '../../domain/look.js';
import type { Notice } from '../../domain/notice.js';
import type { Policy } from '../../domain/policy.js';
import { present } from '../../domain/reading.js';
import type { RunView } from '../../domain/situation.js';
import { JOB, said, type Stage, type Steps } from '../support/cases.js';
import {
  assessment,
  brokenAt,
  inRange,
  ledger,
  point,
  pointers,
  run,
  RUN_A,
  RUN_B,
  savepoint,
  sound,
  stoodStill,
  TOP,
} from '../support/evidence.js';
import { chk } from '../support/fake-ports.js';
import { gate } from '../support/gate.js';
import type { InstantOutside } from '../support/instant-outside.js';
import {
  approve,
  asked,
  broken,
  checked,
  closed,
  course,
  endless,
  failsOnce,
  recover,
  reject,
  slow,
  storageAway,
  unheardOf,
} from './course.js';

const HOLD = `hold/counts/${JOB}`;

/** Everything that a course does not say otherwise: one lost run, two sound points, a Flink that takes what it is given. */
const plain: Steps = {
  assessRun: async ({ stopped }) => assessment({ stopped: stopped ?? [] }),
  fetchPointer: async () => pointers(),
  readState: async () => sound,
  checkOffsets: async () => present(inRange),
  resumeOffsets: async () => ({ group: 'g', committed: 2, before: [], left: null, fault: null }),
  restoreJob: async () => ({ is: 'accepted', at: Date.now(), state: null }),
  setStart: async () => ({
    start: ['t/0=12'],
    groupOffsets: { group: 'g', committed: 1, before: ['t/0=90'], left: null, fault: null },
  }),
  startJob: async () => ({ is: 'accepted', at: Date.now(), state: null }),
  confirmRestored: async () => ({ is: 'proved', at: Date.now(), runningAt: Date.now(), proofs: ['it runs'] }),
};
const nothing: Pointers = {
  lineage: [],
  sources: [{ source: 'directory', where: 'hdfs://nn:8020/flink/checkpoints', points: present([]) }],
};

// ── Looks ───────────────────────────────────────────────────────────────────────────────────────────────────────

const looks = (is: LookReport['would']['is'], instead: (it: InstantOutside) => Steps = () => ({}), policy?: Partial<Policy>) =>
  course(`looks-would-${is}`, async (on) => {
    await on.outside(policy, instead);
    const { would } = await on.client.look(JOB);
    if (would.is !== is) throw new Error(`expected a look that would ${is}, found ${JSON.stringify(would)}`);
    return [`look/counts/${JOB}`];
  });

/** Watched from its first run on, and never seen with a checkpoint. */
const neverHadOne = (runs: readonly RunView[]): Assessed =>
  assessment({
    runs: present(runs),
    ledger: present(ledger({ points: [] })),
    ...(runs.length === 0 ? { traces: stoodStill().traces } : {}),
  });
const blankFailed = run({ completed: 0, newest: null, latest: null });
const firstStart = { firstStart: { kafkaFrom: 'earliest' } } as const;

looks('restore');
looks('ask', (it) => broken(it, chk(8)));
looks('abort', (it) => checked(it, { gone: [{ topic: 't', partition: 0, records: '7' }] }), { onOffsetGap: 'abort' });
looks('unknown', ({ world }) => ((world.storageDown = storageAway), {}));
looks(
  'start',
  () => ({ assessRun: async () => neverHadOne([blankFailed]), fetchPointer: async () => nothing }),
  firstStart,
);

// ── Holds ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** The steps find the hold that stands in Temporal, as in production. */
const found = (on: Stage) => ({ deps }: InstantOutside) => {
  (deps as { standingHold: unknown }).standingHold = (cluster: string, job: string) =>
    on.client.standingHold(cluster, job);
  return {};
};

course('standing-hold-found-at-the-opening-and-released', async (on) => {
  await on.outside({}, found(on));
  await on.client.placeHold(JOB, { ...said, forMs: 3_600_000 });
  await recover(on);
  await on.until('held');
  await on.client.endHold(JOB, said);
  await on.end();
  return [HOLD];
});

course('standing-hold-expires', async (on) => {
  await on.outside({}, found(on));
  await on.client.placeHold(JOB, { ...said, forMs: 2_000 });
  await recover(on);
  await on.end();
  await on.raw.workflow.getHandle(HOLD).result();
  return [HOLD];
});

course('standing-hold-found-by-a-look', async (on) => {
  const { world } = await on.outside({}, ({ world: of, steps }) => {
    of.storageDown = storageAway;
    return {
      awaitReturn: async (input) => {
        const now = Date.now();
        of.storageDown = null;
        of.hold = { ...said, cluster: 'counts', job: JOB, since: now, until: now + 3_600_000 };
        return steps.awaitReturn(input);
      },
    };
  });
  await recover(on);
  await on.until('held');
  world.hold = null;
  await on.end();
});

course('standing-hold-said-to-an-open-case', async (on) => {
  const { world } = await on.outside(slow, (it) => ({ ...found(on)(it), ...endless }));
  world.storageDown = storageAway;
  await recover(on);
  await on.until('waiting');
  const { told } = await on.client.placeHold(JOB, { ...said, forMs: 3_600_000 });
  if (told.length !== 1) throw new Error('expected an open case that was told');
  await on.until('held');
  world.storageDown = null;
  await on.client.endHold(JOB, said);
  await on.until('waiting');
  await on.client.retryNow(JOB, said);
  await on.end();
  return [HOLD];
});

course('held-during-a-back-off-until-a-time', async (on) => {
  await on.outside(slow, (it) => failsOnce(it, 'readState', unheardOf));
  await recover(on);
  await on.until('waiting');
  await on.raw.workflow
    .getHandle(`recover/counts/${JOB}`)
    .executeUpdate('hold', { args: [{ ...said, until: Date.now() + 5_000 }] });
  await on.until('held');
  await on.until('waiting');
  await on.client.retryNow(JOB, said);
  await on.end();
});

// ── Nothing more may be tried ───────────────────────────────────────────────────────────────────────────────────

const afterTheLast = async (on: Stage): Promise<void> => {
  const { world } = await on.outside({ attempts: 1, onExhausted: 'ask' });
  world.storageDown = storageAway;
  await recover(on);
  await asked(on, 'exhausted');
  world.storageDown = null;
};

course('asks-exhausted-and-more-is-granted', async (on) => {
  await afterTheLast(on);
  await approve(on, 'exhausted');
  await on.end();
});

course('asks-exhausted-and-another-point-is-chosen', async (on) => {
  await afterTheLast(on);
  const { id } = await asked(on, 'exhausted');
  await on.client.chooseRestorePoint(JOB, { ...said, question: id, path: chk(7) });
  await on.end();
});

course('asks-exhausted-and-is-rejected', async (on) => {
  await afterTheLast(on);
  await reject(on, 'exhausted');
  await on.until('aborted');
  await closed(on);
});

/** In the first attempt nothing can be read; in the last pass the newest point is broken, and a savepoint would do. */
const lastPass = (rungs: Pointers, waits: number): Steps => {
  let reads = 0;
  let waited = 0;
  return {
    ...plain,
    fetchPointer: async () => rungs,
    readState: async ({ point: { path } }) => {
      if (++reads === 1) return { is: 'unknown', reasons: [storageAway] };
      return path === TOP ? brokenAt(path) : sound;
    },
    awaitReturn: async () =>
      ++waited < waits ? { is: 'time is up' } : { is: 'returned', at: Date.now() },
  };
};
const lastly = { attempts: 1, onExhausted: 'savepoint' } as const;

course('exhausted-a-savepoint-is-taken-when-the-storage-is-usable', async (on) => {
  const rungs = pointers([point(RUN_A, 12), savepoint(RUN_A, 'savepoint-1')]);
  await on.outside(lastly, () => lastPass(rungs, 3));
  await recover(on);
  await on.end();
});

course('exhausted-no-savepoint-is-found', async (on) => {
  await on.outside(lastly, () => lastPass(pointers([point(RUN_A, 12)]), 1));
  await recover(on);
  await on.until('aborted');
  await closed(on);
});

course('aborted-fails-the-execution', async (on) => {
  const { world } = await on.outside({ attempts: 1, afterAbort: 'fail' });
  world.storageDown = storageAway;
  await recover(on);
  const failed = await on.end().then(
    () => false,
    () => true,
  );
  if (!failed) throw new Error('expected an execution that fails');
});

course('deadline-passes-while-flink-brings-it-back', async (on) => {
  let watched = 0;
  await on.outside({ deadline: 1_000 }, () => ({
    assessRun: async () => assessment({ runs: present([run({ state: 'RESTARTING' })]) }),
    watchRun: async () => {
      if (++watched > 1) return cancelled();
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      return 'it took longer than ten minutes';
    },
  }));
  await recover(on);
  await on.until((s) => s.phase === 'aborted' && s.because?.code === 'DeadlinePassed');
});

// ── Said without being asked ────────────────────────────────────────────────────────────────────────────────────

course('chooses-a-point-during-a-back-off', async (on) => {
  const { world } = await on.outside(slow, () => endless);
  world.storageDown = storageAway;
  await recover(on);
  await on.until('waiting');
  world.storageDown = null;
  await on.client.chooseRestorePoint(JOB, { ...said, path: chk(7) });
  await on.end();
});

course('launch-in-doubt-is-approved', async (on) => {
  let calls = 0;
  await on.outside({}, () => ({
    ...plain,
    restoreJob: async (input) => {
      if (++calls === 1) throw new HoldfastError(launchInDoubt(input.run, 'it was killed'));
      return { is: 'accepted', at: Date.now(), state: null };
    },
  }));
  await recover(on);
  await approve(on, 'LaunchInDoubt');
  await on.end();
});

const tells = (told: Notice[]) => ({ steps }: InstantOutside): Steps => ({
  openCase: async (input) => ({ ...(await steps.openCase(input)), noticesFrom: 'info' }),
  notify: async (notice) => (told.push(notice), []),
});

course('people-are-told', async (on) => {
  const told: Notice[] = [];
  const { world } = await on.outside({ attempts: 1 }, tells(told));
  world.storageDown = storageAway;
  await recover(on);
  await on.until('aborted');
  world.storageDown = null;
  await on.client.resume(JOB, said);
  await on.end();
  if (told.length < 3) throw new Error(`expected notices, found ${JSON.stringify(told)}`);
});

course('people-cannot-be-told', async (on) => {
  await on.outside({}, (it) => ({
    ...tells([])(it),
    notify: async () => {
      throw failure('Unclassified', 'no receiver takes it');
    },
  }));
  await recover(on);
  await on.end();
});

// ── Runs that are stopped ───────────────────────────────────────────────────────────────────────────────────────

/** A Flink that shows these runs, and in which a run that is stopped is CANCELED. */
const stops = (shown: readonly RunView[], refusals = 0): Steps => {
  let runs = shown;
  let left = refusals;
  return {
    ...plain,
    assessRun: async ({ stopped }) => assessment({ runs: present(runs), stopped: stopped ?? [] }),
    readState: async ({ point: { path } }) =>
      path === TOP && runs[0]?.state === 'RESTARTING' ? brokenAt(path) : sound,
    stopRun: async ({ run: id }) => {
      if (left-- > 0) return { is: 'not done', because: 'it is being cancelled by somebody' };
      runs = runs.map((r) => (r.run === id ? { ...r, state: 'CANCELED', running: 0 } : r));
      return { is: 'stopped', stop: { run: id, at: Date.now(), savepoint: null, because: 'a test' } };
    },
  };
};

course('blank-run-is-stopped-for-a-chosen-point', async (on) => {
  const blank = { run: RUN_B, state: 'RUNNING', ended: null, started: 9_000, running: 4, completed: 1 };
  await on.outside({}, () => stops([run({ ...blank, retained: present(true) }), run()]));
  await recover(on);
  const { id } = await asked(on, 'blank run');
  await on.client.chooseRestorePoint(JOB, { ...said, question: id, path: TOP });
  await on.end();
});

course('restore-loop-is-stopped-at-the-second-try', async (on) => {
  const loop = { state: 'RESTARTING', ended: null, sameFaults: 3, retained: present(true) };
  await on.outside({ fallback: 'checkpoint' }, () => stops([run(loop)], 1));
  await recover(on);
  await approve(on, 'dead end');
  await on.end();
});

// ── From nothing ────────────────────────────────────────────────────────────────────────────────────────────────

const fromNothing = (on: Stage) =>
  on.client.recover(JOB, { ...said, requestId: randomUUID(), fromNothing: { kafkaFrom: 'earliest' } });

course('from-nothing-said-at-the-start', async (on) => {
  await on.outside({}, () => ({ ...plain, fetchPointer: async () => nothing }));
  await fromNothing(on);
  await on.end();
});

course('from-nothing-asks-before-a-sound-point-is-given-up', async (on) => {
  const reading = gate();
  await on.outside({}, () => ({
    ...plain,
    readState: async () => {
      await reading.pass();
      return sound;
    },
  }));
  await recover(on);
  await on.when('it reads', reading.reached);
  await fromNothing(on);
  reading.open();
  await approve(on, 'from nothing');
  await on.end();
});

course('from-nothing-resumes-an-aborted-case', async (on) => {
  await on.outside({}, () => ({ ...plain, fetchPointer: async () => ({ lineage: [], sources: [] }) }));
  await recover(on);
  await on.until('aborted');
  await fromNothing(on);
  await on.end();
});

course('from-nothing-by-policy', async (on) => {
  await on.outside(firstStart, () => ({
    ...plain,
    assessRun: async () => neverHadOne([blankFailed]),
    fetchPointer: async () => nothing,
  }));
  await recover(on);
  await on.end();
});

course('from-nothing-by-policy-asks-when-the-job-vanished', async (on) => {
  await on.outside(firstStart, () => ({
    ...plain,
    assessRun: async () => neverHadOne([]),
    fetchPointer: async () => nothing,
  }));
  await recover(on);
  await approve(on, 'vanished');
  await on.end();
});
