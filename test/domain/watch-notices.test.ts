import { describe, expect, test } from 'vitest';
import { fault } from '../../domain/failure.js';
import { absent, present, unknown } from '../../domain/reading.js';
import { findingsOf, NEVER, type JobSight, type WatchNoticeKind } from '../../domain/watch-notices.js';
import { RUN_A, RUN_B } from '../support/evidence.js';

const NOW = 1_000_000;
const MINUTE = 60_000;
const dark = unknown(fault('FlinkUnavailable', 'no answer'));

/** A healthy job: all tasks run, a checkpoint a minute, retained, HA on. */
const sight = (change: Partial<JobSight> = {}): JobSight => ({
  at: NOW,
  run: RUN_A,
  alive: [RUN_A],
  runningSince: NOW - 60 * MINUTE,
  restarts: [],
  firstFault: null,
  checkpoints: checkpoints(),
  config: config(),
  ha: 'on',
  pointKnown: true,
  expiry: present({ topic: 'events', leftMs: 7 * 24 * 60 * MINUTE, ageMs: MINUTE }),
  ...change,
});
const checkpoints = (change: object = {}): JobSight['checkpoints'] =>
  present({ completed: 12, failedInRow: 0, lastFailure: null, newest: NOW - MINUTE, ...change });
const config = (change: object = {}): JobSight['config'] =>
  present({ interval: MINUTE, retained: true, tolerated: 10, ...change });

const POLICY = { tolerateFailedCheckpoints: 5, checkpointOverdueAfter: 3 };
const find = (of: JobSight | null, kind: WatchNoticeKind) => findingsOf(of, POLICY)[kind];

test('a healthy job calls for nothing', () => {
  expect(Object.values(findingsOf(sight(), POLICY)).every((f) => f.is === 'no')).toBe(true);
});
test('where no run is alive, nothing of the kind lasts', () => {
  expect(Object.values(findingsOf(null, POLICY)).every((f) => f.is === 'no')).toBe(true);
});

const rows: readonly [kind: WatchNoticeKind, promise: string, of: Partial<JobSight>, is: string][] = [
  ['CheckpointsFailing', 'five failed are tolerated', { checkpoints: checkpoints({ failedInRow: 5 }) }, 'no'],
  ['CheckpointsFailing', 'more than five are not', { checkpoints: checkpoints({ failedInRow: 6 }) }, 'yes'],
  ['CheckpointsFailing', 'not known without an answer', { checkpoints: dark }, 'unknown'],
  [
    'CheckpointOverdue',
    'three intervals are waited',
    { checkpoints: checkpoints({ newest: NOW - 3 * MINUTE }) },
    'no',
  ],
  [
    'CheckpointOverdue',
    'longer is too long',
    { checkpoints: checkpoints({ newest: NOW - 3 * MINUTE - 1 }) },
    'yes',
  ],
  [
    'CheckpointOverdue',
    'counts from when its tasks run',
    { checkpoints: checkpoints({ newest: NOW - 60 * MINUTE }), runningSince: NOW - MINUTE },
    'no',
  ],
  [
    'CheckpointOverdue',
    'a restored run that completes none',
    { checkpoints: checkpoints({ completed: 0, newest: null }) },
    'yes',
  ],
  [
    'CheckpointOverdue',
    'a short interval is not overdue at once',
    { checkpoints: checkpoints({ newest: NOW - 20_000 }), config: config({ interval: 1_000 }) },
    'no',
  ],
  [
    'CheckpointOverdue',
    'not while its tasks do not run',
    { checkpoints: checkpoints({ newest: 0 }), runningSince: null },
    'unknown',
  ],
  [
    'CheckpointOverdue',
    'not without an interval',
    { checkpoints: checkpoints({ newest: 0 }), config: config({ interval: NEVER }) },
    'no',
  ],
  [
    'RetentionNear',
    'while records last longer than the checkpoint is old',
    { expiry: present({ topic: 't', leftMs: 10, ageMs: 10 }) },
    'no',
  ],
  [
    'RetentionNear',
    'when they expire sooner',
    { expiry: present({ topic: 't', leftMs: 9, ageMs: 10 }) },
    'yes',
  ],
  ['RetentionNear', 'when nothing expires', { expiry: absent }, 'no'],
  ['RetentionNear', 'not known without Kafka', { expiry: dark }, 'unknown'],
  ['SameJobTwice', 'two runs are alive', { alive: [RUN_A, RUN_B] }, 'yes'],
  ['RestartLoop', 'three restarts in ten minutes', { restarts: [NOW - 1, NOW - 2, NOW - 3] }, 'yes'],
  ['RestartLoop', 'two may be on the way to it, or from it', { restarts: [NOW - 1, NOW - 2] }, 'unknown'],
  [
    'RestartLoop',
    'three long ago are over',
    { restarts: [NOW - 11 * MINUTE, NOW - 12 * MINUTE, NOW - 13 * MINUTE] },
    'no',
  ],
  ['NotRetained', 'checkpoints are deleted', { config: config({ retained: false }) }, 'yes'],
  ['NotRetained', 'not known without an answer', { config: dark }, 'unknown'],
  ['NoHighAvailability', 'HA is off', { ha: 'off' }, 'yes'],
  ['NoHighAvailability', 'not known without an answer', { ha: 'unknown' }, 'unknown'],
  ['NeverCheckpointed', 'checkpointing is off', { config: absent, pointKnown: false }, 'yes'],
  [
    'NeverCheckpointed',
    'it runs long and none has completed',
    { pointKnown: false, checkpoints: checkpoints({ completed: 0, newest: null }) },
    'yes',
  ],
  [
    'NeverCheckpointed',
    'it has only begun',
    { pointKnown: false, checkpoints: checkpoints({ completed: 0, newest: null }), runningSince: NOW - 1 },
    'unknown',
  ],
  [
    'NeverCheckpointed',
    'a point of an earlier run is known',
    { checkpoints: checkpoints({ completed: 0, newest: null }) },
    'no',
  ],
  ['FlinkToleratesLess', 'Flink gives up earlier', { config: config({ tolerated: 0 }) }, 'yes'],
  ['FlinkToleratesLess', 'an old Flink does not say', { config: config({ tolerated: null }) }, 'no'],
];
describe.each(rows)('%s', (kind, promise, of, is) => {
  test(promise, () => {
    expect(find(sight(of), kind).is).toBe(is);
  });
});

test('a job that never completed one gets one notice, not two', () => {
  const never = sight({ pointKnown: false, checkpoints: checkpoints({ completed: 0, newest: null }) });
  expect(find(never, 'CheckpointOverdue').is).toBe('no');
});

test('the time that is left is told', () => {
  const near = sight({ expiry: present({ topic: 'events', leftMs: 90_000, ageMs: 3 * 60 * MINUTE }) });
  expect(find(near, 'RetentionNear')).toEqual({
    is: 'yes',
    summary:
      'the first record of events that a restore needs expires in 90 s; the newest checkpoint is 3 h old',
  });
});
