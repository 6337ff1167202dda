/**
 * Promise 9. Every decision can be explained from the case file by someone who was asleep when it happened. As a real
 * Temporal server records it, through the client; what the case file says was decided is made again from the history, by
 * the function that decided. Every other course and question: test/histories/case-file.test.ts.
 */
import { cancelled } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { caseFile, type CaseFile } from '../../client/index.js';
import type { Decision, Pass, Wait } from '../../domain/case-file/shape.js';
import { failure, fault } from '../../domain/failure.js';
import { runId } from '../../domain/ids.js';
import { NOTHING } from '../../domain/kafka-from.js';
import type { Policy } from '../../domain/policy.js';
import { present, unknown } from '../../domain/reading.js';
import { recoverJob } from '../../workflows/index.js';
import { until } from '../../stack/wait.js';
import { said, type Steps } from '../support/cases.js';
import {
  assessment,
  broken,
  EMPTY,
  facts,
  ledger,
  mayRepair,
  path,
  point,
  pointers,
  repaired,
  run,
  RUN_A,
  RUN_B,
  runsAgain,
  savepoint,
  sound,
  stuck,
} from '../support/evidence.js';
import { gate } from '../support/gate.js';
import { openTheatre, type Stage, type Theatre } from '../support/theatre.js';

const away = unknown(fault('FlinkUnavailable', 'connection refused'));
/** Fails for the first `times` calls. */
const firstly =
  <T>(times: number, fails: () => T | Promise<T>, then: () => T | Promise<T>): (() => Promise<T>) =>
  async () =>
    times-- > 0 ? fails() : then();
const thrown =
  (...of: Parameters<typeof failure>) =>
  (): never => {
    throw failure(...of);
  };

interface Course {
  readonly policy?: Partial<Policy>;
  readonly steps?: Steps;
  /** What people do; then the case is over or stays as it is. */
  readonly drive?: (stage: Stage) => Promise<unknown>;
  /** Decisions in order, as the history shows them. */
  readonly decides: readonly Decision['do'][];
  readonly ends: string;
  readonly check?: (file: CaseFile) => void;
}

const over = (stage: Stage) => stage.ended();
const answer =
  (say: (stage: Stage, question: string) => Promise<unknown>) =>
  async (stage: Stage): Promise<void> => {
    const { question } = await stage.phaseIs('asking');
    await say(stage, question?.id ?? '');
  };
const approve = answer((s, question) => s.client.approve(s.job, { ...said, question }));
/** Keeps a step at work until a person has said something meanwhile. */
const reading = gate();
const abortedAndClosed = async (stage: Stage): Promise<void> => {
  await stage.phaseIs('aborted');
  await stage.client.closeCase(stage.job, said);
  await stage.ended();
};
const RESTORE = ['assess', 'fetchPointer', 'readState', 'checkOffsets', 'restore'] as const;

const COURSES: Readonly<Record<string, Course>> = {
  'exhausted-and-resumed': {
    steps: { readState: firstly(2, thrown('BlocksMissing', 'no DataNode', 'blk_1'), () => sound) },
    drive: async (stage) => {
      await stage.phaseIs('aborted');
      await stage.client.resume(stage.job, said);
      await stage.ended();
    },
    decides: [...RESTORE.slice(0, 3), 'fail', ...RESTORE.slice(0, 3), 'fail', ...RESTORE],
    ends: 'resumed',
    check: (file) => expect(file.attempts).toEqual({ failed: 2, granted: 4 }),
  },
  'exhausted-and-closed': {
    steps: { assessRun: async () => assessment({ ha: away, ledger: away }) },
    drive: async (stage) => {
      await stage.phaseIs('aborted');
      await stage.client.closeCase(stage.job, said);
      await stage.ended();
    },
    decides: ['assess', 'fail', 'assess', 'fail'],
    ends: 'failed',
    check: (file) => {
      expect(file.left).toMatchObject({ because: { code: 'AttemptsExhausted' }, closed: said });
      expect(file.left?.failures).toHaveLength(2);
    },
  },
  'cancelled-workflow': {
    steps: { fetchPointer: async () => thrown('StorageUnavailable', 'away')() },
    policy: { backoff: { initial: 60_000, factor: 1, max: 60_000, jitter: 0 } },
    drive: async (stage) => {
      await stage.phaseIs('waiting');
      await theatre.raw.workflow.getHandle(`recover/counts/${stage.job}`).cancel();
      await stage.phaseIs('aborted');
    },
    decides: ['assess', 'fetchPointer', 'fail'],
    ends: 'open',
    check: (file) => {
      expect(waits(file, 'the next attempt')[0]?.endedBy?.is).toBe('workflow cancel');
      expect(waits(file, 'a person, after the abort')[0]?.fault?.code).toBe('Aborted');
    },
  },
  'approval-always': {
    policy: { approval: 'always' },
    drive: async (stage) => {
      await approve(stage);
      await stage.ended();
    },
    decides: [...RESTORE.slice(0, 4), 'ask', ...RESTORE],
    ends: 'resumed',
  },
  'question-expires': {
    policy: { approval: 'always', approvalExpires: 200 },
    drive: async (stage) => {
      await stage.phaseIs('asking');
      await untilLooked(stage);
      // One that comes after its question has expired is refused, and leaves nothing.
      await until('an answer came in time', () => approve(stage).then(() => true));
      await stage.ended();
    },
    decides: [],
    ends: 'resumed',
    check: (file) => expect(waits(file, 'an answer').map((w) => w.endedBy?.is)).toContain('time'),
  },
  'in-doubt-and-taken': {
    steps: { restoreJob: async () => thrown('SubmitInDoubt', 'no answer in 300 s')() },
    drive: async (stage) => {
      stage.now({
        assessRun: async ({ submitted }) =>
          submitted[0] === undefined
            ? assessment()
            : assessment({
                runs: present([run({ run: submitted[0], state: 'RUNNING', started: 4_000 }), run()]),
              }),
      });
      await stage.ended();
    },
    decides: [...RESTORE, 'fail', 'assess', 'confirm'],
    ends: 'resumed',
  },
  'refused-by-flink': {
    steps: {
      restoreJob: firstly<{ is: 'accepted'; at: number; state: null }>(
        1,
        thrown('StateIncompatible', 'cannot map checkpoint state'),
        () => ({ is: 'accepted', at: 5_000, state: null }),
      ),
    },
    drive: async (stage) => {
      await stage.phaseIs('asking');
      await stage.client.retryNow(stage.job, said);
      await stage.ended();
    },
    decides: [...RESTORE, 'ask', ...RESTORE],
    ends: 'resumed',
    check: (file) => {
      expect(file.submissions.map((s) => s.answer)).toEqual(['refused', 'accepted']);
      expect(new Set(file.submissions.map((s) => s.run)).size).toBe(2);
    },
  },
  'dies-after-the-restore': {
    steps: {
      confirmRestored: firstly<Awaited<ReturnType<NonNullable<Steps['confirmRestored']>>>>(
        1,
        () => ({ is: 'dead', fault: fault('RestoreTimedOut', 'the run ended as FAILED') }),
        () => ({ is: 'proved', at: 6_000, runningAt: 5_500, proofs: ['all tasks run'] }),
      ),
    },
    decides: [...RESTORE, ...RESTORE],
    ends: 'resumed',
    check: (file) => {
      expect(file.submissions.map((s) => s.proofs)).toEqual([[], ['all tasks run']]);
      expect(passes(file).map((p) => p.end.is)).toEqual(['failed', 'resumed']);
    },
  },
  'dead-end': {
    steps: {
      assessRun: async () => stuck,
      examineDeadEnd: firstly<Awaited<ReturnType<NonNullable<Steps['examineDeadEnd']>>>>(
        1,
        () => ({
          is: 'wait',
          for: 'storage',
          until: null,
          because: fault('StorageNotWritable', 'no DataNode'),
        }),
        () => mayRepair,
      ),
      awaitReturn: async () => ({ is: 'returned', at: 1 }),
    },
    drive: async (stage) => {
      await stage.phaseIs('asking');
      stage.now({
        requestRepair: async () => {
          stage.now({ assessRun: async () => runsAgain() });
          return repaired();
        },
      });
      await approve(stage);
      await stage.ended();
    },
    decides: [
      'assess',
      'checkRepair',
      'await',
      'assess',
      'checkRepair',
      'ask',
      'assess',
      'checkRepair',
      'repair',
      'assess',
      'leave',
    ],
    ends: 'healthy',
    check: (file) => {
      expect(file.repairs).toMatchObject([
        { from: EMPTY.path, to: `${EMPTY.path}.empty`, was: { length: 0 } },
      ]);
      expect(decisions(file).find((d) => d.do === 'repair')?.consent).toMatchObject([said]);
      expect(waits(file, 'a dependency')[0]?.endedBy?.is).toBe('dependency');
    },
  },
  'down-again-in-the-soak': {
    policy: { soak: 60_000 },
    drive: async (stage) => {
      await stage.phaseIs('resumed');
      stage.now({ assessRun: async () => runsAgain() });
      await stage.client.recover(stage.job, said);
      await untilFile(stage, (file) => waits(file, 'the soak').length > 1);
      await stage.client.closeCase(stage.job, said);
      await stage.ended();
    },
    decides: [...RESTORE, 'assess', 'leave'],
    ends: 'resumed',
    check: (file) => expect(waits(file, 'the soak').map((w) => w.endedBy?.is)).toEqual(['alert', 'person']),
  },
  'still-down-after-the-abort': {
    policy: { attempts: 1 },
    steps: {
      readState: firstly(1, thrown('BlocksMissing', 'no DataNode'), () => sound),
      watchRun: firstly<string>(
        1,
        () => 'it ran for a moment',
        () => cancelled(),
      ),
    },
    drive: async (stage) => {
      await untilFile(stage, (file) => waits(file, 'a person, after the abort').length === 2);
      await stage.client.resume(stage.job, said);
      await stage.ended();
    },
    decides: [...RESTORE.slice(0, 3), 'fail', ...RESTORE, ...RESTORE],
    ends: 'resumed',
    check: (file) =>
      expect(
        decisions(file)
          .filter((d) => d.do === 'restore')
          .map((d) => d.taken),
      ).toEqual(['overruled', 'yes']),
  },
  'aborted-in-mid-look': {
    steps: { readState: async () => (await reading.pass(), sound) },
    drive: async (stage) => {
      try {
        await stage.phaseIs('reading state');
        await stage.client.abort(stage.job, said);
      } finally {
        reading.open();
      }
      await abortedAndClosed(stage);
    },
    decides: [...RESTORE.slice(0, 4)],
    ends: 'failed',
    check: (file) => expect(decisions(file).map((d) => d.taken)).toEqual(['yes', 'yes', 'yes', 'overruled']),
  },
  'a-worker-was-lost': {
    steps: {
      assessRun: firstly(
        1,
        () => {
          throw ApplicationFailure.retryable('the worker went away');
        },
        () => assessment(),
      ),
    },
    decides: RESTORE,
    ends: 'resumed',
    check: (file) => {
      expect(file.technical).toHaveLength(1);
      expect(file.attempts.failed).toBe(0);
      expect(decisions(file)[0]?.steps[0]).toMatchObject({ tries: 2, lost: 'the worker went away' });
    },
  },
  'asked-after-the-last-attempt': {
    policy: { attempts: 1, onExhausted: 'ask' },
    steps: { readState: firstly(1, thrown('BlocksMissing', 'no DataNode', 'blk_1'), () => sound) },
    drive: async (stage) => {
      await approve(stage);
      await stage.ended();
    },
    decides: [...RESTORE.slice(0, 3), 'fail', ...RESTORE],
    ends: 'resumed',
    check: (file) => {
      expect(file.attempts).toEqual({ failed: 1, granted: 2 });
      expect(waits(file, 'an answer')[0]?.question?.about).toBe('exhausted');
    },
  },
  'a-savepoint-after-the-last-attempt': {
    policy: { attempts: 1, onExhausted: 'savepoint' },
    steps: {
      fetchPointer: async () => pointers([point(RUN_A, 12), savepoint(RUN_A, 'savepoint-1')]),
      readState: (() => {
        let fails = 1;
        return async ({ point: of }) => {
          if (fails-- > 0) throw failure('BlocksMissing', 'no DataNode', 'blk_1');
          return of.kind === 'savepoint' ? { is: 'sound', facts: { ...facts, checkpointId: '3' } } : broken;
        };
      })(),
      awaitReturn: async () => ({ is: 'returned', at: 1 }),
    },
    decides: [...RESTORE.slice(0, 3), 'fail', ...RESTORE.slice(0, 3), 'readState', 'checkOffsets', 'restore'],
    ends: 'resumed',
    check: (file) => {
      expect(waits(file, 'usable storage').map((w) => w.endedBy?.is)).toEqual(['dependency']);
      expect(file.attempts.failed).toBe(1);
    },
  },
  'started-from-nothing': {
    steps: {
      assessRun: async () => assessment({ ledger: present(ledger({ points: [] })) }),
      fetchPointer: async () => pointers([]),
      setStart: async () => ({
        start: ['t/0=0'],
        groupOffsets: { group: 'g', committed: 1, before: ['t/0=7'], left: null, fault: null },
      }),
      startJob: async () => ({ is: 'accepted', at: 5_000, state: null }),
    },
    drive: async (stage) => {
      await stage.phaseIs('asking');
      await stage.client.recover(stage.job, { ...said, fromNothing: { kafkaFrom: 'earliest' } });
      await stage.ended();
    },
    decides: ['assess', 'fetchPointer', 'ask', 'assess', 'fetchPointer', 'start'],
    ends: 'resumed',
    check: (file) => {
      expect(file.submissions).toMatchObject([{ point: 'nothing', answer: 'accepted' }]);
      expect(file.restored?.fromNothing).toMatchObject({ ...said, kafkaFrom: 'earliest' });
      expect(file.undo).toMatchObject([{ group: 'g', before: ['t/0=7'] }]);
    },
  },
  'a-blank-run-is-stopped': {
    steps: {
      assessRun: async () =>
        assessment({ runs: present([run({ run: RUN_B, state: 'RUNNING', running: 4, started: 3_000 })]) }),
      stopRun: async ({ run: of }) => ({
        is: 'stopped',
        stop: { run: of, at: 4_000, savepoint: null, because: 'it has no checkpoint of its own' },
      }),
    },
    drive: async (stage) => {
      const { question } = await stage.phaseIs('asking');
      await stage.client.chooseRestorePoint(stage.job, {
        ...said,
        question: question?.id ?? '',
        path: path(RUN_A, 12),
      });
      await untilFile(stage, (file) => file.stops.length > 0);
      stage.now({ assessRun: async () => assessment() });
      await stage.ended();
    },
    decides: [],
    ends: 'resumed',
    check: (file) => {
      const stopped = decisions(file).filter((d) => d.do === 'stop');
      expect(stopped.map((d) => d.taken)).toContain('yes');
      expect(stopped[0]?.consent).toMatchObject([said]);
      expect(file.stops[0]).toMatchObject({ run: RUN_B });
    },
  },
  'held-by-a-standing-hold': {
    policy: {},
    steps: {
      awaitRelease: () => cancelled(),
      assessRun: async () =>
        assessment({
          hold: {
            by: 'deploy',
            reason: 'release 7',
            cluster: 'counts',
            job: null,
            since: 1,
            until: 33_000_000_000_000,
          },
        }),
    },
    drive: async (stage) => {
      await stage.phaseIs('held');
      await stage.client.release(stage.job, said);
      await stage.ended();
    },
    decides: RESTORE,
    ends: 'resumed',
    check: (file) => {
      expect(waits(file, 'release')).toMatchObject([{ endedBy: { is: 'person' } }]);
      expect(waits(file, 'release')[0]?.steps.map((s) => s.name)).toEqual(['awaitRelease']);
    },
  },
};

/** Courses that begin in another way than by a request. */
const FROM = 'restore-from';
const CONTINUED = 'continued-as-new';
const HANDED_OVER = 'handed-over';

let theatre: Theatre;
beforeAll(async () => {
  theatre = await openTheatre([...Object.keys(COURSES), FROM, CONTINUED, HANDED_OVER], {
    // A case goes on in a new execution after so many events: only one course is that long.
    'limit.historyCount.suggestContinueAsNew': 150,
  });
}, 120_000);
afterAll(() => theatre?.close());

const passes = (file: CaseFile): readonly Pass[] => file.story.filter((e) => e.is === 'pass');
const waits = (file: CaseFile, kind?: Wait['for']): readonly Wait[] =>
  file.story.filter((e) => e.is === 'wait').filter((w) => kind === undefined || w.for === kind);
const decisions = (file: CaseFile): readonly Decision[] => passes(file).flatMap((p) => p.decisions);

async function untilFile(stage: Stage, is: (file: CaseFile) => boolean): Promise<void> {
  await until('the case file says so', async () => is(await stage.client.caseFile(stage.job)) || undefined, {
    within: 60_000,
    every: 50,
  });
}

/** Until the case has made one more pass than now, as its file tells. */
const untilLooked = async (stage: Stage): Promise<void> => {
  const before = passes(await stage.client.caseFile(stage.job)).length;
  await untilFile(stage, (file) => passes(file).length > before);
};

/** The promise itself. */
function explained(file: CaseFile): void {
  expect(file.missing).toEqual([]);
  expect(file.unknownEvents).toEqual({});
  expect(file.opened?.because).not.toBe('');
  expect(file.policy).not.toBeNull();
  expect(file.configDigest).toMatch(/^[0-9a-f]{64}$/);
  for (const d of decisions(file)) {
    expect(d.because, JSON.stringify(d)).not.toBe('');
    expect(d.what).not.toBe('');
    expect(d.taken, JSON.stringify(d)).toMatch(/^(yes|overruled)$/);
    if (d.taken === 'overruled') expect(d.instead).not.toBeNull();
    for (const c of d.consent) expect([c.by, c.reason]).not.toContain('');
    for (const c of d.consent) expect(c.by).not.toBe('not told');
    for (const s of d.steps) expect([s.asked, s.found]).not.toContain('');
    for (const s of d.steps) for (const f of s.findings) expect([f.of, f.text]).not.toContain('');
  }
  for (const p of passes(file)) {
    expect(p.end.because, JSON.stringify(p.end)).not.toBe('');
    expect(p.end.is).not.toMatch(/^(at work|not told)$/);
    expect(p.to).not.toBeNull();
  }
  const open = file.state.is === 'open';
  for (const [i, w] of waits(file).entries()) {
    expect(w.because).not.toBe('');
    const last = i === waits(file).length - 1;
    if (!(open && last)) expect(w.endedBy, JSON.stringify(w)).not.toBeNull();
    if (w.for === 'an answer') {
      expect(w.question?.text).not.toBe('');
      expect(w.question?.id).toMatch(/^\d+-[0-9a-f]{12}$/);
    }
  }
  for (const m of file.story.filter((e) => e.is === 'message')) {
    expect(m.by).not.toBe('');
    expect(m.reason).not.toBe('');
    expect(m.refused).toBeNull();
  }
  for (const s of file.submissions) {
    expect(s.run).toBe(runId(s.run));
    expect(s.because).not.toBe('');
    if (s.point === NOTHING) expect(s.sha256).toBeNull();
    else {
      expect(s.verified.some((f) => f.is === 'sound')).toBe(true);
      expect(s.sha256).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(s.answer).not.toBe('none yet');
    if (s.provedAt !== null) expect(s.proofs.length).toBeGreaterThan(0);
    if (s.answer === 'refused' || s.answer === 'in doubt') expect(s.fault).not.toBeNull();
  }
  const { restored } = file;
  if (restored !== null) {
    const call = file.submissions.find((s) => s.run === restored.run);
    expect(call?.provedAt ?? 'the proof of a run in doubt').not.toBeNull();
  }
  if (file.state.is === 'failed') expect(file.left?.because).not.toBeNull();
  expect(file.undo.length).toBe(
    decisions(file)
      .flatMap((d) => d.steps)
      .filter((s) => s.name === 'resumeOffsets' || s.name === 'setStart').length,
  );
  // In order, and nothing before the beginning.
  const times = file.story.map((e) => ('at' in e ? e.at : e.from));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
}

/** What no history may do to the fold: cut anywhere, as an open case is, it still tells what it knows. */
function survivesCutting(json: string): void {
  const { events } = JSON.parse(json) as { readonly events: readonly unknown[] };
  for (let end = 0; end <= events.length; end++) {
    const open = caseFile({ events: events.slice(0, end) });
    for (const d of decisions(open)) expect(d.taken).not.toBe('differs');
    const late = caseFile({ events: events.slice(end) });
    expect(late.missing.length + (end === 0 ? 1 : 0)).toBeGreaterThan(0);
  }
}

describe.each(Object.entries(COURSES))('%s', (job, course) => {
  test.concurrent('every decision is made again, and explained', async () => {
    const stage = theatre.stage(job, course.policy ?? {}, course.steps ?? {});
    await theatre.client.recover(job, said);
    await (course.drive ?? over)(stage);
    const file = await theatre.client.caseFile(job);
    explained(file);
    if (course.decides.length > 0) expect(decisions(file).map((d) => d.do)).toEqual(course.decides);
    expect(file.state.outcome ?? file.state.is).toBe(course.ends);
    course.check?.(file);
    const histories = await theatre.histories(job);
    expect(caseFile(histories.map((h) => JSON.parse(h) as unknown))).toEqual(file);
    for (const h of histories) survivesCutting(h);
  });
});

describe('a case that begins in another way', () => {
  test.concurrent('from a restore point that a person names', async () => {
    const stage = theatre.stage(FROM, {}, {});
    await theatre.client.recover(FROM, { ...said, from: path(RUN_A, 9) });
    await stage.ended();
    const file = await theatre.client.caseFile(FROM);
    explained(file);
    expect(file.opened).toMatchObject({ by: 'person', from: path(RUN_A, 9) });
    expect(decisions(file).find((d) => d.do === 'restore')?.consent).toMatchObject([said]);
  });

  test.concurrent('by hand under another id: it says where it goes on', async () => {
    const stage = theatre.stage(HANDED_OVER, {}, {});
    stage.now({ handOver: async (alert) => void (await theatre.client.raiseAlert(alert)) });
    const handle = await theatre.raw.workflow.start(recoverJob, {
      workflowId: 'by-hand',
      taskQueue: 'holdfast',
      args: [{ job: HANDED_OVER }],
    });
    await handle.result();
    const file = caseFile(await handle.fetchHistory());
    expect(file.opened).toMatchObject({ by: 'hand' });
    expect(file.state).toMatchObject({
      outcome: 'handed over',
      goesOnAs: `recover/counts/${HANDED_OVER}`,
    });
    await stage.ended();
  });

  test.concurrent('and goes on in new executions is one case file', async () => {
    let fails = 12;
    const stage = theatre.stage(
      CONTINUED,
      { attempts: null, approval: 'always' },
      {
        readState: async () => {
          if (fails-- > 0) throw failure('BlocksMissing', 'no DataNode', 'blk_1');
          return sound;
        },
        awaitReturn: async () => ({ is: 'returned', at: 1 }),
      },
    );
    await theatre.client.recover(CONTINUED, said);
    await approve(stage);
    await stage.ended();
    const file = await theatre.client.caseFile(CONTINUED);
    explained(file);
    expect(file.executions.length).toBeGreaterThan(1);
    expect(file.attempts).toEqual({ failed: 12, granted: null });
    expect(
      passes(file)
        .filter((p) => p.end.is === 'failed')
        .map((p) => p.attempt),
    ).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    const [last] = (await theatre.histories(CONTINUED)).slice(-1);
    const alone = caseFile(JSON.parse(last ?? ''));
    expect(alone.missing.join()).toContain('which came before, is not in this history');
    expect(alone.attempts.failed).toBe(12);
  });
});
