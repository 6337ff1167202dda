/** Courses that the simulation has found to break a promise, by themselves: each stays fixed. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STRICT } from '../../domain/policy.js';
import { sandboxOf, workflowCode } from './campaign.js';
import type { Sandbox } from './driver.js';
import type { Fault, Said, Schedule } from './schedule.js';
import { simulate, tellOutcome, type Outcome } from './simulate.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await sandboxOf(await workflowCode());
});
afterAll(async () => sandbox?.destroy());

/** HDFS is away until Flink has given the job up; then what the test adds. */
const incident = (...more: readonly Fault[]): Schedule =>
  alone({ is: 'hdfs', when: { at: 4_000 }, to: 'down', for: 20_000 }, ...more);

const alone = (...faults: readonly Fault[]): Schedule => ({
  seed: 1,
  policy: { ...STRICT, backoff: { initial: 5_000, factor: 2, max: 60_000, jitter: 0.2 }, soak: 45_000 },
  setup: { haOnHdfs: false, endlessRestarts: false },
  sink: null,
  faults,
  continueAfter: 10_000,
});

async function play(schedule: Schedule): Promise<Outcome> {
  const outcome = await simulate(sandbox, schedule);
  if (outcome.broken.length > 0) expect.fail(tellOutcome(schedule, outcome));
  return outcome;
}

test('the incident alone is recovered from', async () => {
  expect((await play(incident())).phase).toBe('resumed');
});

test.each([0.5, 0.6, 0.7, 0.8, 0.9])(
  'a case that is reset to before its submission leaves the group of the running job alone (%d)',
  async (share) => {
    const reset: Fault = { is: 'reset', when: { step: 'confirmRestored', nth: 1, after: 2_000 }, share };
    expect((await play(incident(reset))).phase).toBe('resumed');
  },
);

test('an abort in the soak is heard: a job that is lost again afterwards is not brought back', async () => {
  const outcome = await play(
    incident(
      { is: 'said', when: { phase: 'resumed', nth: 1, after: 5_000 }, what: 'abort' },
      { is: 'run fails', when: { phase: 'resumed', nth: 1, after: 6_000 } },
    ),
  );
  expect(outcome.phase).toBe('aborted');
});

describe('an aborted case whose job a person starts from nothing', () => {
  const blank: readonly Fault[] = [
    { is: 'said', when: { phase: 'waiting', nth: 1, after: 500 }, what: 'abort' },
    { is: 'started by hand', when: { phase: 'aborted', nth: 1, after: 60_000 }, blank: true },
  ];
  const answer = (what: Said): Fault => ({
    is: 'said',
    when: { phase: 'asking', nth: 1, after: 3_000 },
    what,
  });

  test('asks about it, and does not go round and round', async () => {
    const outcome = await play(incident(...blank));
    expect(outcome.phase).toBe('asking');
    expect(outcome.history.events).toBeLessThan(300);
  });

  test('goes on when a restore point is chosen: the run is stopped, and the point restored', async () => {
    const outcome = await play(incident(...blank, answer('choose')));
    expect(outcome.phase).toBe('resumed');
    expect(outcome.story.join()).toContain('stopRun: {"is":"stopped"');
  });

  test.each(['reject', 'abort'] as const)('stays aborted after %s, and asks it no more', async (what) => {
    const outcome = await play(incident(...blank, answer(what)));
    expect(outcome.phase).toBe('aborted');
    expect(outcome.story.filter((line) => line.includes('phase asking'))).toHaveLength(1);
    expect(outcome.history.events).toBeLessThan(300);
  });
});

test('a second run that a person starts while the first is proved ends the proof, and is asked about', async () => {
  const twins: readonly Fault[] = [
    { is: 'said', when: { phase: 'waiting', nth: 1, after: 500 }, what: 'startFromNothing' },
    ...[1, 2].map((nth): Fault => ({
      is: 'said',
      when: { phase: 'asking', nth, after: 3_000 },
      what: 'approve',
    })),
    { is: 'started by hand', when: { phase: 'confirming', nth: 1, after: 6_000 }, blank: false },
  ];
  expect((await play(incident(...twins))).phase).toBe('asking');
});

test('a run that restarts for ever from a lost state is a dead end, whatever began it', async () => {
  const endless = {
    ...alone(
      { is: 'hdfs', when: { at: 8_000 }, to: 'standby', for: 60_000 },
      { is: 'lost file', when: { at: 20_000 }, which: 'state' },
      { is: 'alert', when: { at: 30_000 }, times: 1 },
    ),
    setup: { haOnHdfs: false, endlessRestarts: true },
  };
  expect((await play(endless)).phase).toBe('asking');
});

test('an alert that comes while the last notice is on its way is not lost with the case', async () => {
  const outcome = await play(
    incident(
      { is: 'said', when: { phase: 'waiting', nth: 1, after: 500 }, what: 'abort' },
      { is: 'started by hand', when: { phase: 'aborted', nth: 1, after: 60_000 }, blank: false },
      { is: 'run fails', when: { phase: 'closed', nth: 1, after: 10 } },
      { is: 'alert', when: { phase: 'closed', nth: 1, after: 50 }, times: 1 },
    ),
  );
  expect(outcome.phase).toBe('resumed');
  // One case, and no second one that would have opened for the alert.
  expect(outcome.story.filter((line) => line.includes(' openCase: '))).toHaveLength(1);
});

describe('a run that no JobManager knows any more', () => {
  const forgotten = (writes: number): readonly Fault[] => [
    { is: 'hdfs', when: { at: 4_000 }, to: 'down', for: 7_000 },
    { is: 'forgotten', when: { at: 11_500 }, writes },
    { is: 'alert', when: { at: 12_000 }, times: 1 },
    // The watch saw it running last, so a person is asked whether its end was wanted.
    { is: 'said', when: { phase: 'asking', nth: 1, after: 1_000 }, what: 'approve' },
  ];

  test('is not restored beside while its tasks write on, and is when they have stopped', async () => {
    const { phase, failedAttempts, story } = await play(alone(...forgotten(90_000)));
    expect(phase).toBe('resumed');
    expect(failedAttempts).toBeGreaterThan(0);
    const text = story.join('\n');
    expect(text).toMatch(/phase waiting: NotProvedDead/);
    expect(text.indexOf('has stopped, and nobody saw it')).toBeLessThan(text.indexOf('submit '));
  });

  test('that stands still costs no attempt: the time-outs are waited for', async () => {
    const { phase, failedAttempts, story } = await play(alone(...forgotten(100)));
    expect(phase).toBe('resumed');
    expect(failedAttempts).toBe(0);
    expect(story.join('\n')).toMatch(/phase waiting: NotProvedDead/);
  });
});

test('a submission that Flink takes long after it has lost the run of the second call makes no second job', async () => {
  const outcome = await play(
    incident(
      { is: 'submission', nth: 1, fault: { is: 'late', by: 120_000 } },
      { is: 'run fails', when: { phase: 'resumed', nth: 1, after: 1_000 } },
    ),
  );
  expect(outcome.phase).not.toBe('aborted');
  expect(outcome.story.join()).toContain('phase waiting: SubmitInDoubt');
});

describe('a job that a person cancels while it restarts, and whose JobManager is replaced', () => {
  const cancelled = (archive: boolean): Schedule => ({
    ...alone(
      { is: 'hdfs', when: { at: 4_000 }, to: 'down', for: 7_000 },
      { is: 'cancelled by hand', when: { at: 11_500 } },
      { is: 'away', system: 'flink', when: { at: 12_000 }, for: 3_000 },
      { is: 'alert', when: { at: 13_000 }, times: 1 },
    ),
    setup: { haOnHdfs: false, endlessRestarts: true, archive },
  });

  test("is left alone: Flink's archive tells how it ended", async () => {
    const { phase, story } = await play(cancelled(true));
    expect(phase).toBe('ended by a person');
    expect(story.join()).not.toContain('submit ');
  });

  test('is asked about where nothing tells', async () => {
    expect((await play(cancelled(false))).phase).toBe('asking');
  });
});

test('an alert that comes while the last notice is on its way grants N attempts of its own, and no more', async () => {
  const schedule = incident(
    { is: 'started by hand', when: { phase: 'aborted', nth: 1, after: 60_000 }, blank: false },
    { is: 'run fails', when: { phase: 'closed', nth: 1, after: 10 } },
    { is: 'hdfs', when: { phase: 'closed', nth: 1, after: 20 }, to: 'down', for: 120_000 },
    { is: 'alert', when: { phase: 'closed', nth: 1, after: 50 }, times: 1 },
  );
  const outcome = await play({ ...schedule, policy: { ...schedule.policy, attempts: 1 } });
  expect(outcome.story.filter((line) => line.includes(' openCase: '))).toHaveLength(1);
  expect(outcome.story.filter((line) => line.includes('phase aborted: AttemptsExhausted'))).toHaveLength(2);
  expect(outcome.failedAttempts).toBe(2);
});

test('an alert that comes together with the proof leads to another look', async () => {
  const { phase, story } = await play(
    incident({ is: 'alert', when: { ended: 'confirmRestored', nth: 1, after: 0 }, times: 1 }),
  );
  expect(phase).toBe('resumed');
  const proved = story.findIndex((line) => line.includes('confirmRestored: '));
  expect(story.slice(proved).join()).toContain('phase assessing');
});

test('a case whose one pass for a savepoint follows its deadline does not say that its attempts are spent', async () => {
  const schedule = alone({ is: 'hdfs', when: { at: 4_000 }, to: 'no datanode', for: 160_000 });
  const outcome = await play({
    ...schedule,
    policy: { ...schedule.policy, attempts: 50, deadline: 100_000, onExhausted: 'savepoint' },
  });
  expect(outcome.phase).toBe('aborted');
  expect(outcome.story.join()).toContain('phase aborted: DeadlinePassed');
  expect(outcome.story.join()).not.toContain('AttemptsExhausted');
});

test('a case that is released from a hold does not say again that it is aborted', async () => {
  const outcome = await play(
    incident(
      { is: 'said', when: { phase: 'waiting', nth: 1, after: 500 }, what: 'abort' },
      { is: 'said', when: { phase: 'aborted', nth: 1, after: 1_000 }, what: 'hold' },
      { is: 'said', when: { phase: 'aborted', nth: 1, after: 2_000 }, what: 'startFromNothing' },
      { is: 'said', when: { phase: 'held', nth: 1, after: 20_000 }, what: 'release' },
    ),
  );
  expect(outcome.story.filter((line) => line.includes('phase aborted'))).toHaveLength(1);
  expect(outcome.story.join()).toContain('phase held');
});

test('a run of its own that nobody watched, and whose end nobody saw, is not replaced without a question', async () => {
  const { story } = await play(
    alone(
      { is: 'run fails', when: { at: 3_030 } },
      // The watch does not look again before the job is lost a second time.
      { is: 'worker', when: { ended: 'readState', nth: 1, after: 23 }, how: 'crash', for: 134 },
      { is: 'cancelled by hand', when: { phase: 'resumed', nth: 1, after: 8_183 } },
      { is: 'away', when: { phase: 'resumed', nth: 1, after: 9_775 }, system: 'flink', for: 8_123 },
      { is: 'alert', when: { phase: 'resumed', nth: 1, after: 22_000 }, times: 1 },
    ),
  );
  expect(story.join('\n')).toContain('phase asking');
  expect(story.filter((line) => line.includes(' submit '))).toHaveLength(1);
});

test('a person who cancels the run of a case while it is being proved is heard, also when Flink has forgotten it', async () => {
  const { story } = await play(
    alone(
      { is: 'run fails', when: { at: 7_823 } },
      { is: 'cancelled by hand', when: { phase: 'confirming', nth: 1, after: 3_750 } },
      { is: 'away', when: { phase: 'confirming', nth: 1, after: 4_776 }, system: 'flink', for: 13_286 },
    ),
  );
  expect(story.filter((line) => line.includes(' submit '))).toHaveLength(1);
});

test('a run is proved by the point of that call of its id which Flink took', async () => {
  const { phase } = await play(
    alone(
      { is: 'run fails', when: { at: 8_455 } },
      { is: 'submission', nth: 1, fault: { is: 'late', by: 144_000 } },
      // What the first call named is lost; a person approves an older point, and aborts while that call is under way.
      { is: 'lost file', when: { at: 26_457 }, which: '_metadata' },
      { is: 'submission', nth: 2, fault: { is: 'late', by: 64_000 } },
      { is: 'said', when: { at: 154_000 }, what: 'approve' },
      { is: 'said', when: { step: 'restoreJob', nth: 2, after: 150 }, what: 'abort' },
    ),
  );
  expect(phase).toBe('resumed');
});
